"""Around every page: the view from the link, the moment, the header, and notices in their place."""

from serving.screen import header, notices, session
from serving.screen.page import Page, Show
from serving.screen.shared import Shared, shared
from serving.view import PageName, View


def show(name: PageName, page: Show) -> None:
    """Draw what is around the page, and the page in it."""
    view, unusable = session.open_view(name)
    with notices.told():
        opened = _open(view, shared())
        header.show(opened)
        for text in unusable:
            notices.tell("note", "Part of the link was left out", text)
        page(opened)


def _open(view: View, ours: Shared) -> Page:
    moment = None if view.moment.is_live else ours.lake.resolve(view.moment)
    return Page(view, ours, moment)
