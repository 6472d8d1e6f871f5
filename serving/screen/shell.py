"""What is around every page: the view from the link, the moment, the header, and notices."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st

from catalog.errors import LakeError, MomentError
from catalog.history import Snapshot, show_time
from catalog.moments import LIVE, Moment
from serving.screen import bell, header, notices, session
from serving.screen.page import Page, Show
from serving.screen.shared import Shared, shared
from serving.view import PageName, View


def run(pages: Mapping[PageName, Show]) -> None:
    """Run the page that the URL's path names."""
    shown = {
        name: st.Page(
            partial(_show, name, show),
            title=name.label,
            url_path=name,
            default=name is PageName.MARKET,
        )
        for name, show in pages.items()
    }
    session.know_pages(shown)
    st.navigation(list(shown.values()), position="hidden").run()


def _show(name: PageName, show: Show) -> None:
    with notices.told():
        ours = shared()
        view = session.open_view(name)
        page, trouble = _open(view, ours)
        chosen = header.show(view, ours, page)
        if chosen is not None:
            session.show(replace(view, page=chosen))
        for title, text in session.take_notices():
            notices.tell("note", title, text)
        if trouble is not None:
            _explain(view, ours, trouble)
        if page is not None:
            bell.hang(page)
            show(page)


def _open(view: View, ours: Shared) -> tuple[Page | None, LakeError | None]:
    """The page with its moment at hand, or why that cannot be had."""
    try:
        page = Page(view, ours, None if view.moment.is_live else ours.lake.resolve(view.moment))
        page.frame  # noqa: B018 - what it raises is told here, and it is kept for the page
    except LakeError as error:
        return None, error
    return page, None


def _explain(view: View, ours: Shared, trouble: LakeError) -> None:
    """Say why there is no page, and offer what there is instead."""
    offered: dict[str, Moment] = {}
    if isinstance(trouble, MomentError):
        trades = ours.lake.histories(math.inf)[0]
        near = filter(None, map(trades.find, trouble.nearest))
        # Without its tags: other engines may name them as they like, and a label is Markdown.
        offered = {_label(snapshot): Moment(snapshot_id=snapshot.snapshot_id) for snapshot in near}
    title = {True: "This moment cannot be shown.", False: "The lake does not answer."}
    notices.tell("error", title[isinstance(trouble, MomentError)], str(trouble))
    with st.container(horizontal=True):
        for label, moment in (offered | {"Back to live": LIVE}).items():
            if st.button(label):
                session.show(replace(view, moment=moment))
        if st.button("Try again"):
            st.rerun()


def _label(snapshot: Snapshot) -> str:
    return f"{snapshot.snapshot_id} ({show_time(snapshot.committed_at)})"
