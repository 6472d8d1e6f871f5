"""The Alerts page: what to be told of, what has fired, and the views that were saved."""

import time
from functools import partial

import streamlit as st

from catalog.errors import ServiceError, SettingsError
from serving import alert_tables
from serving.alert_store import AlertStore, SavedView
from serving.alerts import TERMS, Alert, Evidence, Kind, Reading, check, length, read
from serving.bars import SECOND
from serving.components import components
from serving.screen import session
from serving.screen.notices import tell, told
from serving.screen.page import Page
from serving.view import PageName, parse_view

_KINDS, _PAGES = tuple(Kind), tuple(PageName)
_ALL = "the whole feed"
_LONGEST_NAME = 60
_REJECTED_LOOK_BACK = 3600 * SECOND

_SELECT_REJECTIONS = (
    "SELECT epoch_us(date_trunc('second', received_at)) AS at_us, count(*) AS n FROM rejected"
    " WHERE received_at > make_timestamptz(?::BIGINT) GROUP BY at_us ORDER BY at_us"
)


def show(page: Page) -> None:
    """Draw the page; what fires shows by itself while the page is live."""
    with told():
        _tell_trouble(page)
        wide, narrow = st.columns([2.2, 1], gap="small")
        with wide:
            if page.moment:
                why = "Alerts watch the live market: go back to live to change them."
                tell("note", "A past moment.", why)
            else:
                _ask_for_one(page)
            st.fragment(_alerts, run_every=page.every)(page)
        with narrow:
            _views(page)
            _tell_webhook(page)


def _tell_trouble(page: Page) -> None:
    watch = page.shared.alerts
    for trouble in (watch.store.trouble, watch.trouble):
        if trouble:
            tell("error", "Alerts are not kept.", trouble)


def _tell_webhook(page: Page) -> None:
    host = page.shared.alerts.webhook.host
    if host:
        why = f"What fires is posted to {host}. Nothing else leaves this machine."
        tell("note", "Webhook on.", why)
    else:
        why = "Nothing leaves this machine. TAPEHOUSE_ALERT_WEBHOOK turns it on."
        tell("note", "Webhook off.", why)


def _ask_for_one(page: Page) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="ask"):
        kind = st.selectbox("Tell me of", _KINDS, format_func=_kind_title, width=170)
        terms = TERMS[kind]
        symbol = "" if terms.symbol is False else _choose_symbol(page, optional=not terms.symbol)
        threshold = _choose_threshold(page, kind, symbol)
        window = 0
        if terms.windows:
            window = st.selectbox("Within", terms.windows, format_func=length, width=110)
        wanted = st.button("Add", type="primary")
    if wanted:
        try:
            alert = check(Alert(kind, threshold, symbol, window))
            page.shared.alerts.store.add(alert, _now())
        except (SettingsError, ServiceError) as error:
            tell("error", "Not added.", str(error))


def _kind_title(kind: Kind) -> str:
    return TERMS[kind].title


def _choose_threshold(page: Page, kind: Kind, symbol: str) -> float:
    """Begins at what is usual, or at the price of then: one that moves must undo no choice."""
    terms, key = TERMS[kind], f"threshold-{kind}-{symbol}"
    quote = page.frame.quotes.get(symbol)
    first = quote.last if kind is Kind.PRICE and quote else None
    st.session_state.setdefault(key, first or terms.default)
    label = terms.unit.capitalize()
    return float(
        st.number_input(label, terms.least, terms.most, format="%.10g", key=key, width=210)
    )


def _choose_symbol(page: Page, *, optional: bool) -> str:
    symbols = sorted({*page.frame.quotes, page.symbol} - {""})
    offered = [_ALL, *symbols] if optional else symbols
    first = offered.index(page.symbol) if page.symbol in offered and not optional else 0
    chosen = st.selectbox("Symbol", offered, index=first if offered else None, width=180)
    return "" if chosen in {None, _ALL} else str(chosen)


def _alerts(page: Page) -> None:
    with told():
        watch, mount = page.shared.alerts, components()["rows"]
        as_of = page.now if page.moment else None
        asked, firings = watch.store.alerts(as_of), watch.store.firings(as_of)
        mount(
            key="alerts",
            data=alert_tables.alerts(
                asked,
                _past_readings(page, asked) if page.moment else watch.readings,
                watch.store.holding(as_of),
                firings,
                page.now,
                is_past=page.moment is not None,
            ),
            on_act_change=partial(_act, watch.store, asked),
        )
        mount(key="fired", data=alert_tables.firings(firings, page.now))


def _act(store: AlertStore, asked: list[Alert]) -> None:
    """Pause, resume or delete the alert whose button was pressed."""
    wanted = st.session_state["alerts"].act
    for alert in asked:
        if str(alert.id) == wanted["key"]:
            if wanted["act"] == alert_tables.DELETE:
                store.delete(alert.id, _now())
            else:
                store.enable(alert.id, not alert.enabled, _now())


def _past_readings(page: Page, asked: list[Alert]) -> dict[int, Reading]:
    """How each alert stood at the page's moment, by what the lake held then."""
    rejected = page.ask(_SELECT_REJECTIONS, (page.now - _REJECTED_LOOK_BACK,)).to_pylist()
    evidence = Evidence(
        page.frame,
        page.now,
        rejections=[(row["at_us"], row["n"]) for row in rejected],
    )
    return {alert.id: read(alert, evidence) for alert in asked}


def _views(page: Page) -> None:
    store = page.shared.alerts.store
    with (
        st.form("save-view", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input(
            "Save a view as", placeholder="a name", max_chars=_LONGEST_NAME, width=150
        )
        wanted = st.selectbox("Page", _PAGES, format_func=_title, width=125)
        if st.form_submit_button("Save") and name.strip():
            store.save_view(SavedView(name.strip(), wanted, page.view.to_query()), _now())
    saved = {one.name: one for one in store.views()}
    done = components()["rows"](
        key="saved-views",
        data=alert_tables.views(saved.values()),
        on_act_change=lambda: None,
    )
    if done.act and done.act["key"] in saved:
        one = saved[done.act["key"]]
        if done.act["act"] == alert_tables.DELETE:
            store.delete_view(one.name)
            st.rerun()
        view, _ = parse_view(_page_of(one), one.query)
        session.show(view)


def _title(page: PageName) -> str:
    return page.label


def _page_of(saved: SavedView) -> PageName:
    return PageName(saved.page) if saved.page in set(PageName) else PageName.MARKET


def _now() -> int:
    return time.time_ns() // 1000
