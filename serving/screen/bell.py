"""What fires while somebody looks at another page: told above it, once a session."""

import re

import streamlit as st

from serving.screen.page import Page

_SECONDS = 5.0
_SEEN = "alerts_seen"
# A toast is Markdown.
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!:|~$&])")


def hang(page: Page) -> None:
    """Tell what fires from now on, as long as the page follows the market."""
    if page.every is not None:
        st.fragment(_ring, run_every=max(page.every, _SECONDS))(page)


def _ring(page: Page) -> None:
    watch, state = page.shared.alerts, st.session_state
    fired = watch.fired
    new = fired - state.setdefault(_SEEN, fired)
    if new > 0:
        for firing in reversed(watch.store.firings(most=min(new, 5))):
            st.toast(f"**{_as_text(firing.words)}**: {_as_text(firing.text)}", icon="🔔")
        state[_SEEN] = fired


def _as_text(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)
