"""The SQL page: ask the lake at the moment of the page, see the answer, draw it, take it along."""

import io
import secrets
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import streamlit as st

from catalog.moments import Moment
from catalog.schema import TABLES
from serving import questions, quick_chart
from serving.components import components
from serving.console.allowed import FUNCTIONS
from serving.console.export import write_to
from serving.console.wire import Outcome
from serving.examples import EXAMPLES
from serving.questions import Asked, Earlier
from serving.screen import grid
from serving.screen.notices import tell, told
from serving.screen.page import Page
from serving.views import BARS, LATEST

_POLL_SECONDS = 0.4
_KEPT = 30
# What a session remembers.
_ASKED, _TEXT, _EXAMPLE, _BEFORE = "sql_asked", "sql_text", "sql_example", "sql_before"
_KEYWORDS = """
    SELECT FROM WHERE GROUP BY ORDER LIMIT OFFSET HAVING DISTINCT AS ON USING JOIN LEFT RIGHT FULL
    INNER CROSS ASOF UNION ALL EXCEPT INTERSECT WITH RECURSIVE CASE WHEN THEN ELSE END AND OR NOT IN
    IS NULL LIKE ILIKE BETWEEN EXISTS ASC DESC NULLS FIRST LAST OVER PARTITION ROWS RANGE QUALIFY
    WINDOW FILTER INTERVAL CAST TRY_CAST PIVOT UNPIVOT SAMPLE DESCRIBE SHOW SUMMARIZE EXPLAIN
    ANALYZE TABLES DATE TIMESTAMP TIMESTAMPTZ TRUE FALSE
    """.split()  # noqa: SIM905
_BAR_COLUMNS = (
    *("symbol", "bar_start", "open", "high", "low", "close"),
    *("volume", "trade_value", "vwap", "trade_count"),
)
_TABLES: dict[str, tuple[str, ...]] = {
    **{table.name: table.column_names for table in TABLES},
    LATEST: TABLES[0].column_names,
    **dict.fromkeys(BARS, _BAR_COLUMNS),
}
_TYPES = {"CSV": (".csv", "text/csv"), "Parquet": (".parquet", "application/octet-stream")}


def show(page: Page) -> None:
    """Draw the page; while a question runs, a part of it looks whether it has ended."""
    state = st.session_state
    state.setdefault("sql_user", f"dashboard-{secrets.token_hex(4)}")
    state.setdefault("sql_history", [])
    editing, known = st.columns([2.6, 1], gap="medium")
    with editing:
        _tell_moment(page)
        _edit(page)
    with known:
        _offer()
    asked: Asked | None = state.get(_ASKED)
    if asked is None:
        tell("note", "Nothing asked yet.", "Type a question or choose an example, then Run.")
    elif asked.is_running:
        st.fragment(_wait, run_every=_POLL_SECONDS)(asked)
    else:
        _answer(page, asked)


def _tell_moment(page: Page) -> None:
    if page.moment is None:
        st.caption("Live: the newest snapshots at the time of the question.")
    else:
        snapshot_id = page.moment.snapshot_ids[TABLES[0].name]
        st.caption(f"As of snapshot {snapshot_id}: plain names, such as trades, stand at it.")


def _edit(page: Page) -> None:
    limits, state = page.shared.limits, st.session_state
    asked: Asked | None = state.get(_ASKED)
    number, text = state.get(_TEXT, (0, ""))
    done = components()["editor"](
        key="editor",
        data={
            "number": number,
            "text": text,
            "first": next(iter(EXAMPLES.values())),
            "running": asked is not None and asked.is_running,
            "limits": f"reads only; at most {limits.seconds:g} s, {limits.rows:,} rows,"
            f" {limits.megabytes} MB, {limits.memory_megabytes} MB of memory",
            "tables": _TABLES,
            "keywords": _KEYWORDS,
            "functions": sorted(name for name in FUNCTIONS if name.isidentifier()),
        },
        on_run_change=lambda: None,
        on_cancel_change=lambda: None,
    )
    if done.cancel:
        page.shared.console.cancel(state.sql_user)
    if done.run:
        _ask(page, str(done.run))
        st.rerun()


def _ask(page: Page, sql: str) -> None:
    user, console = st.session_state.sql_user, page.shared.console

    def run(text: str, moment: Moment) -> Outcome:
        questions.check_stands_at(text, moment)
        return console.ask(user, text, moment)

    before: Asked | None = st.session_state.get(_ASKED)
    if before is not None:
        st.session_state.sql_history = [before.to_earlier(), *st.session_state.sql_history][:_KEPT]
    st.session_state[_ASKED] = questions.ask(sql, page.view.moment, run)


def _offer() -> None:
    """Examples, what was asked before, and the tables with their columns."""
    st.selectbox(
        "Examples",
        list(EXAMPLES),
        None,
        placeholder="Choose one",
        key=_EXAMPLE,
        on_change=_exemplify,
    )
    before: list[Earlier] = st.session_state.sql_history
    st.selectbox(
        "Asked before",
        before,
        None,
        format_func=_label,
        placeholder=f"{len(before)} in this session",
        key=_BEFORE,
        on_change=_repeat,
    )
    name = st.selectbox("Tables and their columns", list(_TABLES))
    st.code(", ".join(_TABLES[name]), language=None, wrap_lines=True)


def _exemplify() -> None:
    _write(EXAMPLES.get(st.session_state[_EXAMPLE] or ""))


def _repeat() -> None:
    before: Earlier | None = st.session_state[_BEFORE]
    _write(before.sql if before else None)


def _write(text: str | None) -> None:
    """Put it into the editor."""
    if text is not None:
        number, _ = st.session_state.get(_TEXT, (0, ""))
        st.session_state[_TEXT] = number + 1, text


def _label(one: Earlier) -> str:
    return f"{one.at:%H:%M:%S} {' '.join(one.sql.split())[:80]} ({one.ending[:40]})"


def _wait(asked: Asked) -> None:
    if not asked.is_running:
        st.rerun()
    seconds = (datetime.now(UTC) - asked.at).total_seconds()
    tell("note", "Running.", f"{seconds:.0f} s so far. Cancel ends it at once.")


def _answer(page: Page, asked: Asked) -> None:
    if asked.moment != page.view.moment:
        tell(
            "note", "The last answer was of another moment.", "Run the question again for this one."
        )
        return
    with told():
        outcome = asked.future.result()
        table = outcome.table
        cut = f", cut at the limit of {outcome.cut}" if outcome.cut else ""
        when = f"asked at {asked.at:%H:%M:%S} UTC of {asked.moment}"
        st.caption(f"{table.num_rows:,} rows{cut} in {outcome.seconds:.2f} s, {when}.")
        rows, drawn, export = st.tabs(["Rows", "Chart", "Export"], key="answer", on_change="rerun")
        with rows:
            if rows.open:
                grid.show(table, "rows", "The answer", 420)
        with drawn:
            if drawn.open:
                _draw(table)
        with export:
            if export.open:
                _export(table)


def _draw(table: pa.Table) -> None:
    first = quick_chart.guess(table)
    if first is None or not table.num_rows:
        tell("note", "Nothing to draw.", "A chart needs rows, and a column of numbers.")
        return
    names, numbers = list(dict.fromkeys(table.column_names)), quick_chart.numeric(table)
    with st.container(horizontal=True):
        across = st.selectbox("Across", names, index=names.index(first[0]))
        upward = st.selectbox("Upward", numbers, index=numbers.index(first[1]))
        shapes = list(quick_chart.Shape)
        shape = st.selectbox("Drawn as", shapes, index=shapes.index(first[2]))
    st.plotly_chart(
        quick_chart.quick_chart(table, across, upward, shape),
        alt=quick_chart.describe(table, across, upward),
        config={"displayModeBar": False},
    )


def _export(table: pa.Table) -> None:
    with st.container(horizontal=True):
        for name, (suffix, mime) in _TYPES.items():
            st.download_button(
                f"{name}, {table.num_rows:,} rows",
                # Written when it is asked for.
                partial(_write_out, table, suffix),
                f"tapehouse{suffix}",
                mime,
                on_click="ignore",
            )


def _write_out(table: pa.Table, suffix: str) -> bytes:
    file = io.BytesIO()
    write_to(table, file, suffix)
    return file.getvalue()
