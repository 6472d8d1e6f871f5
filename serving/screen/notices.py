"""What stands where something cannot be shown, and says why."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape

import streamlit as st

from catalog.errors import MomentError, TapehouseError

_ROLES = {"error": "alert", "note": "status"}


def tell(kind: str, title: str, why: str) -> None:
    """A notice of a kind, `note` or `error`. Both texts are shown as text, whatever they hold."""
    st.html(
        f'<div class="notice {kind}" role="{_ROLES[kind]}">'
        f"<strong>{escape(title)}</strong> <span>{escape(why)}</span></div>"
    )


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values, as text."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs.items()
    )
    st.html(f'<dl class="facts">{rows}</dl>')


@contextmanager
def told() -> Iterator[None]:
    """Around what may fail: our own errors become a notice in its place."""
    try:
        yield
    except MomentError as error:
        tell("error", "This moment cannot be shown.", str(error))
    except TapehouseError as error:
        tell("error", "This cannot be shown now.", str(error))
