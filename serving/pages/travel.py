"""The Time travel page: the kept moments, what one of them changed, and how one bar came to be."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import streamlit as st

from catalog.errors import MomentError
from catalog.history import History, Kind, Snapshot, show_time
from catalog.moments import Moment, ResolvedMoment
from catalog.schema import TRADES
from catalog.tags import RESERVED_PREFIXES
from serving import timeline
from serving.charts import short_conditions
from serving.components import components
from serving.diff import Level, diff
from serving.history import history, to_arrow
from serving.screen import grid, session
from serving.screen.notices import facts, tell, told
from serving.screen.page import Page
from serving.snapshots import symbols_added
from serving.times import to_microseconds, to_time
from serving.view import check_moment

_STRIP_SECONDS = 10
_KEEPS: dict[str, timedelta | None] = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "30 days": timedelta(days=30),
    "1 year": timedelta(days=365),
    "until it is deleted": None,
}
_LEVELS = {
    Level.COUNTS: "Rows by symbol",
    Level.BARS: "Bars that changed",
    Level.TRADES: "Trades",
}
_TABS = ("What changed", "History of a bar", "All kept moments")


def show(page: Page) -> None:
    """Draw the page; where it is live, it stands at what was the newest snapshot when it was."""
    st.fragment(_strip, run_every=None if page.moment else _STRIP_SECONDS)(page)
    resolved = page.resolved
    trades = page.shared.lake.histories()[0]
    here = trades.find(resolved.snapshot_ids[trades.table])
    if here is None:
        tell("error", "This moment has been expired meanwhile.", "Choose another on the strip.")
        return
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        _pick_time(page)
        _tell_moment(page, trades, here)
        _bookmark(page, trades, here)
    with right:
        # With `rerun` only what the open tab holds is asked for.
        first = _TABS[page.view.bar is not None]
        changed, bar, moments = st.tabs(_TABS, default=first, on_change="rerun", key="told")
        with changed, told():
            if changed.open:
                _tell_difference(page, trades, here)
        with bar, told():
            if bar.open:
                _tell_bar(page, resolved)
        with moments:
            if moments.open:
                grid.show(timeline.moments_table(trades), "moments", "The kept moments", 420)


def _strip(page: Page) -> None:
    with told():
        trades = page.shared.lake.histories()[0]
        picked = components()["timeline"](
            key="timeline",
            data=timeline.strip(trades, page.resolved.snapshot_ids[trades.table]),
            on_moment_change=lambda: None,
        )
        if picked.moment:
            page.go(moment=check_moment(str(picked.moment)))


def _pick_time(page: Page) -> None:
    with st.form("time", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        now = to_time(page.now).replace(tzinfo=None, microsecond=0)
        chosen = st.datetime_input("Go to a time (UTC)", now, step=60, format="YYYY-MM-DD")
        if st.form_submit_button("Go") and isinstance(chosen, datetime):
            page.go(moment=Moment(time=chosen.replace(tzinfo=UTC)))


def _tell_moment(page: Page, trades: History, here: Snapshot) -> None:
    told_of = timeline.facts(trades, here)
    with told():
        told_of["Symbols"] = _show_symbols(page, here)
    facts(told_of)


def _show_symbols(page: Page, here: Snapshot) -> str:
    if here.kind is Kind.COMPACTION:
        return "the same rows in other files"

    def read() -> pa.Table:
        with page.shared.lake.asking() as lake, lake.reading_files():
            return symbols_added(lake.load(TRADES), here.snapshot_id)

    added = page.shared.past.once(("symbols", here.snapshot_id), read).to_pylist()
    return ", ".join(f"{row['symbol']} {row['rows']:,}" for row in added) or "none"


def _bookmark(page: Page, trades: History, here: Snapshot) -> None:
    with st.form("bookmark", clear_on_submit=True):
        name = st.text_input("Bookmark this moment", placeholder="a name", max_chars=64)
        keep = _KEEPS[st.selectbox("Keep it for", list(_KEEPS))]
        wanted = st.form_submit_button("Bookmark")
    if wanted:
        seconds = None if keep is None else keep.total_seconds()
        moment = str(here.snapshot_id)
        _act(page, "/tag", {"name": name.strip(), "moment": moment, "keep_seconds": seconds})
    own = [tag for tag in trades.tags_of(here.snapshot_id) if not tag.startswith(RESERVED_PREFIXES)]
    if own:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tag = st.selectbox("Bookmarks of this moment", own)
            if st.button("Delete"):
                _act(page, "/tag/delete", {"name": tag})


def _act(page: Page, path: str, body: dict[str, object]) -> None:
    """Have the keeper do it, then show the page anew."""
    with told():
        done = page.shared.keeper.act(path, body)
        page.shared.lake.histories(0.0)
        kept = f", kept until {done['kept_until']}" if done.get("kept_until") else ""
        title = "Deleted." if path.endswith("delete") else "Bookmarked."
        session.notify(f"{done['tag']}{kept}", title)
        st.rerun()


def _tell_difference(page: Page, trades: History, here: Snapshot) -> None:
    order = [snapshot.snapshot_id for snapshot in trades.snapshots]
    before = order[max(0, order.index(here.snapshot_id) - 1)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        texts = [
            st.text_input(label, str(snapshot_id), key=f"{label}-{here.snapshot_id}")
            for label, snapshot_id in (("From", before), ("To", here.snapshot_id))
        ]
        level = st.segmented_control(
            "Shown",
            list(Level),
            format_func=_LEVELS.__getitem__,
            default=Level.COUNTS,
            required=True,
        )
        one = st.toggle("Only the chosen symbol")
    a, b = (page.shared.lake.resolve(check_moment(text)) for text in texts)
    ids = [moment.snapshot_ids[trades.table] for moment in (a, b)]
    if page.moment and max(order.index(snapshot_id) for snapshot_id in ids) > order.index(
        here.snapshot_id
    ):
        raise MomentError("That is later than the moment of this page. Go there first.")
    level, symbol = Level(level or Level.COUNTS), page.symbol if one else None
    interval = page.view.interval

    def read() -> pa.Table:
        with page.shared.lake.asking() as lake:
            difference = diff(lake, *(Moment(snapshot_id=snapshot_id) for snapshot_id in ids))
            if level is Level.BARS:
                return difference.bars(interval, symbol)
            return difference.counts(symbol) if level is Level.COUNTS else difference.trades(symbol)

    table = page.shared.past.once(("diff", *ids, level, interval, symbol), read)
    st.caption(
        f"From {show_time(a.committed_at)} to {show_time(b.committed_at)}:"
        f" {table.num_rows:,} {'symbols' if level is Level.COUNTS else level}."
    )
    if table.num_rows:
        grid.show(_with_names(table), f"diff-{level}", _LEVELS[level], 340)
    else:
        tell("note", "No data change.", "The two moments hold the same trades.")


def _tell_bar(page: Page, resolved: ResolvedMoment) -> None:
    symbol, interval = page.symbol, page.view.interval
    quote = page.frame.quotes.get(symbol)
    if quote is None:
        tell("note", "No trade yet.", "The lake holds none of this symbol at this moment.")
        return
    start = interval.start_of(quote.last_time if page.view.bar is None else page.view.bar)
    _pick_bar(page, start)

    def read() -> pa.Table:
        with page.shared.lake.asking() as lake:
            return to_arrow(history(lake, symbol, to_time(start), interval, resolved))

    key = ("history", resolved.snapshot_ids[TRADES.name], symbol, interval, start)
    steps = page.shared.past.once(key, read)
    if steps.num_rows:
        grid.show(steps, "history", "How the bar came to be, commit by commit", 340)
    else:
        tell("note", "No trade in this bar.", f"{show_time(to_time(start))}, {interval}.")


def _pick_bar(page: Page, start: int) -> None:
    width = page.view.interval.microseconds
    with st.form("bar", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Bar that holds (UTC)", show_time(to_time(start)), key=f"bar-{start}")
        if st.form_submit_button("Tell"):
            page.go(bar=to_microseconds(text))
        for label, bar in (("◀ Bar before", start - width), ("Bar after ▶", start + width)):
            if st.form_submit_button(label):
                page.go(bar=bar)


def _with_names(table: pa.Table) -> pa.Table:
    """The table with its conditions in words."""
    if "conditions" not in table.column_names:
        return table
    names = [short_conditions(codes) for codes in table["conditions"].to_pylist()]
    place = table.column_names.index("conditions")
    return table.set_column(place, "conditions", pa.array(names, pa.string()))
