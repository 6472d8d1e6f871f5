"""The Pipeline page: how a trade comes here, how fast, how much of it, and what was refused."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import streamlit as st

from catalog.errors import LakeError, ServiceError
from catalog.history import History
from catalog.schema import TRADES
from serving import freshness, pipeline, symbols
from serving.bars import SECOND, Interval
from serving.chain import Seen, chain
from serving.components import components
from serving.freshness import Delays, Stage, to_delay
from serving.manifests import SnapshotFiles
from serving.pipeline import PAGE_ROWS
from serving.reading import TradesAt
from serving.rows import size
from serving.screen.notices import tell, told
from serving.screen.page import Page

_TABLES_SECONDS = 5.0
_SAID_LOOK_BACK = 7 * Interval.D1.microseconds
_REASON, _ROW, _PAGE = "rejected_reason", "rejected_row", "rejected_page"

Json = Mapping[str, Any]


def show(page: Page) -> None:
    """Draw the page; each part of it runs again by itself while the page is live."""
    slowly = None if page.every is None else max(page.every, _TABLES_SECONDS)
    st.fragment(_chain, run_every=page.every)(page)
    st.fragment(_tables, run_every=slowly)(page)
    st.fragment(_rejected, run_every=slowly)(page)


def _chain(page: Page) -> None:
    with told():
        keeper, error = _keeper(page)
        meter = page.shared.meter
        seen = Seen(
            page.frame,
            page.now,
            keeper,
            error,
            _spoke_at(page),
            page.shared.settings.silent_minutes * 60,
            None if page.moment else (meter.per_second(10), meter.per_second(60)),
            page.every,
        )
        delays = _past_delays(page) if page.moment else meter.delays()
        components()["chain"](key="chain", data=chain(seen, delays))


def _tables(page: Page) -> None:
    with told():
        keeper, error = _keeper(page)
        histories = page.shared.lake.histories()
        at, now = page.resolved.snapshot_ids, page.now
        mount = components()["rows"]
        left, right = st.columns(2, gap="small")
        with left:
            found = _coverage(page)
            mount(key="symbols", data=pipeline.symbols(found, now))
            mount(key="events", data=pipeline.events(page.ask(pipeline.SELECT_EVENTS)))
        with right:
            if page.moment:
                mount(key="lag", data=pipeline.positions(_positions(page)))
            else:
                mount(key="lag", data=pipeline.lag(keeper, error))
            mount(key="lake", data=pipeline.lake(histories, at, keeper, now))
            if page.moment:
                mount(key="care", data=pipeline.compactions(histories, now))
            else:
                mount(key="care", data=pipeline.care(keeper, error))


def _rejected(page: Page) -> None:
    with told():
        state, mount = st.session_state, components()["rows"]
        reason: str = state.get(_REASON, "")
        number: int = state.get(_PAGE, 0)
        narrow, wide = st.columns([1, 2], gap="small")
        with narrow:
            mount(
                key="reasons",
                data=pipeline.reasons(page.ask(pipeline.SELECT_REASONS), reason),
                on_chosen_change=_choose_reason,
            )
        with wide:
            rows = page.ask(pipeline.SELECT_REJECTED, (reason, reason, number * PAGE_ROWS))
            mount(
                key="rejected",
                data=pipeline.rejected(rows, state.get(_ROW, ""), number),
                on_chosen_change=_choose_row,
            )
            if number or rows.num_rows == PAGE_ROWS:
                _turn_pages(number, is_last=rows.num_rows < PAGE_ROWS)
        _raw_and_versions(page)


def _choose_reason() -> None:
    """Choosing it again takes the choice away."""
    state = st.session_state
    chosen = state["reasons"].chosen
    state[_REASON] = "" if chosen == state.get(_REASON) else chosen
    state[_PAGE] = 0


def _choose_row() -> None:
    st.session_state[_ROW] = st.session_state["rejected"].chosen


def _turn_pages(number: int, *, is_last: bool) -> None:
    with st.container(horizontal=True):
        st.button("◀ Newer", disabled=not number, on_click=_go_to, args=(number - 1,))
        st.button("Older ▶", disabled=is_last, on_click=_go_to, args=(number + 1,))


def _go_to(number: int) -> None:
    st.session_state[_PAGE] = number


def _raw_and_versions(page: Page) -> None:
    mount = components()["rows"]
    narrow, wide = st.columns([1, 2], gap="small")
    with narrow:
        mount(key="versions", data=pipeline.versions(_keeper(page)[0]))
    with wide:
        key: str = st.session_state.get(_ROW, "")
        if not key:
            tell("note", "Raw bytes.", "Choose a rejected row to see its bytes as they came.")
            return
        found = page.ask(pipeline.SELECT_RAW, pipeline.parse_key(key)).to_pylist()
        if not found:
            tell("note", "Raw bytes.", "The chosen row was not rejected yet at this moment.")
            return
        (row,) = found
        content: bytes = row["raw"] or b""
        mount(key="raw", data=pipeline.raw(row))
        st.download_button(
            f"Download {size(len(content))}",
            content,
            f"rejected-{row['raw_sha256'][:12]}.bin",
            "application/octet-stream",
        )


def _keeper(page: Page) -> tuple[Json, str]:
    """Its status, or why there is none; it tells of the present only."""
    if page.moment:
        return {}, ""
    try:
        return page.shared.keeper.status(), ""
    except ServiceError as error:
        return {}, str(error)


def _spoke_at(page: Page) -> int | None:
    """When the producer last told of its feed; None where the lake cannot tell, or never."""
    try:
        events = page.ask(pipeline.SELECT_EVENTS)
    except LakeError:
        return None
    return max(events["to_us"].to_pylist(), default=None)


def _coverage(page: Page) -> list[symbols.Symbol]:
    # To the hour, so that an answer serves for more than one run.
    hour = Interval.H1.start_of(page.now)
    said = page.ask(symbols.SELECT_SAID, (hour - _SAID_LOOK_BACK,))
    return symbols.coverage(page.frame, said, page.now)


def _positions(page: Page) -> dict[int, int]:
    """The last offset of each topic partition at the page's moment."""
    snapshot_id = page.resolved.snapshot_ids[TRADES.name]

    def read() -> pa.Table:
        with page.shared.lake.asking() as lake:
            table = lake.load(TRADES)
            with lake.reading_files(), lake.standing_at(page.resolved):
                files = SnapshotFiles(table).at(snapshot_id)
                positions = TradesAt(lake, snapshot_id, files).bounds().positions
        return pa.table({"place": list(positions), "offset": list(positions.values())})

    answer = page.shared.past.once(("positions", snapshot_id), read)
    return dict(zip(answer["place"].to_pylist(), answer["offset"].to_pylist(), strict=True))


def _past_delays(page: Page) -> Delays:
    """What the lake still knows of how long trades took before the page's moment."""
    position = page.frame.position
    trades: History = page.shared.lake.histories()[0]
    upto = trades.find(page.resolved.snapshot_ids[TRADES.name])
    if position is None or position.complete_to is None or upto is None:
        return {}
    since = position.complete_to - freshness.WINDOW_SECONDS * SECOND

    def read() -> pa.Table:
        with page.shared.lake.asking() as lake, lake.reading_files():
            return freshness.commits_table(lake.load(TRADES), trades, upto)

    commits = page.shared.past.once(("commits", upto.snapshot_id), read)
    (first,) = page.ask(freshness.select_delays(since)).to_pylist()
    found = {
        Stage.VENUE: to_delay(first["venue"], first["n"]),
        Stage.KAFKA: to_delay(first["kafka"], first["n"]),
    }
    question = freshness.select_table_delays(commits, since)
    if question:
        (last,) = page.ask(question).to_pylist()
        found[Stage.TABLE] = to_delay(last["stored"], last["n"])
    return {stage: delay for stage, delay in found.items() if delay}
