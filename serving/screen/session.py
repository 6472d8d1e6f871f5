"""One session's view: what its link says, until something on the screen changes it.

The link is read when it is not the one that was written last: on the first run, and when the
browser goes back or forward. A change of page by the browser alone comes without a query, and keeps
everything else.
"""

from dataclasses import replace

import streamlit as st

from serving.frames import Frame, State
from serving.view import PageName, View, parse_view

_VIEW, _LINK, _HELD = "view", "link", "held_frame"


def open_view(page: PageName) -> tuple[View, tuple[str, ...]]:
    """The view to show now, with notices about what its link could not have."""
    query = st.query_params.to_dict()
    known = stored()
    notices: tuple[str, ...] = ()
    if known is None or (query and query != st.session_state.get(_LINK)):
        known, notices = parse_view(page, query)
    view = replace(known, page=page)
    store(view)
    write_link()
    return view, notices


def stored() -> View | None:
    """The session's view, once it has one."""
    view: View | None = st.session_state.get(_VIEW)
    return view


def store(view: View) -> None:
    """What the next run shows."""
    if not view.paused:
        st.session_state.pop(_HELD, None)
    st.session_state[_VIEW] = view


def write_link() -> None:
    """Let the URL say what is shown."""
    view = stored()
    query = view.to_query() if view else {}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_LINK] = query


def held(frame: Frame) -> Frame:
    """The frame that stands still while the session is paused: the first with anything to show."""
    kept: Frame | None = st.session_state.get(_HELD)
    if kept is None or kept.state is State.LOADING:
        kept = st.session_state[_HELD] = frame
    return kept
