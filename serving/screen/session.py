"""One session's view: what its link says, until something on the screen changes it.

The link is read when it is not the one that was written last: on the first run, and when the
browser goes back or forward. After a choice on the screen it is not, since the browser may have
sent that before it got the last link. A change of page by the browser alone comes without a query,
and keeps everything else.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

import streamlit as st

from serving.frames import Frame, State
from serving.view import PageName, View, parse_view

_VIEW, _LINK, _CHOSEN, _PAGES = "view", "link", "chosen", "pages"
_HELD, _NOTICES = "held_frame", "notices"


def know_pages(pages: Mapping[PageName, st.Page]) -> None:
    """Where `show` can go to; told in each run."""
    st.session_state[_PAGES] = pages


def open_view(page: PageName) -> View:
    """The view to show now; what its link could not have becomes a notice."""
    query = st.query_params.to_dict()
    known, chosen = stored(), st.session_state.pop(_CHOSEN, False)
    is_new = query and query != st.session_state.get(_LINK) and not chosen
    if known is None or is_new:
        known, unusable = parse_view(page, query)
        for text in unusable:
            notify(text)
    view = replace(known, page=page)
    store(view)
    write_link()
    return view


def stored() -> View | None:
    """The session's view, once it has one."""
    view: View | None = st.session_state.get(_VIEW)
    return view


def choose(view: View) -> None:
    """What the next run shows, whatever its link says."""
    st.session_state[_CHOSEN] = True
    store(view)


def store(view: View) -> None:
    """The view that is shown already."""
    if not view.paused:
        st.session_state.pop(_HELD, None)
    st.session_state[_VIEW] = view


def show(view: View) -> NoReturn:
    """End this run and show that view. Not for callbacks, after which a run follows anyway."""
    before = stored()
    choose(view)
    if before is None or before.page is view.page:
        st.rerun()
    query = st.session_state[_LINK] = view.to_query()
    st.switch_page(st.session_state[_PAGES][view.page], query_params=query)


def write_link() -> None:
    """Let the URL say what is shown."""
    view = stored()
    query = view.to_query() if view else {}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_LINK] = query


def notify(text: str, title: str = "Not everything was possible.") -> None:
    """Tell it once, above the page, in this run or the next."""
    st.session_state.setdefault(_NOTICES, []).append((title, text))


def take_notices() -> list[tuple[str, str]]:
    """What is to be told now: titles and texts."""
    notices: list[tuple[str, str]] = st.session_state.pop(_NOTICES, [])
    return notices


def held(frame: Frame, now: int) -> tuple[Frame, int]:
    """The frame that stands still while the session is paused, and since when (microseconds).

    It is the first with anything to show.
    """
    kept: tuple[Frame, int] | None = st.session_state.get(_HELD)
    if kept is None or kept[0].state is State.LOADING:
        kept = st.session_state[_HELD] = (frame, now)
    return kept
