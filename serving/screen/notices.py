"""What stands where something cannot be shown, and says why."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from catalog.errors import MomentError, TapehouseError


def tell(kind: str, title: str, why: str) -> None:
    """A notice of a kind (`note`, `error`); both texts are shown as text, whatever they hold."""
    with st.container(key=f"notice-{kind}"):
        st.text(title)
        st.text(why)


@contextmanager
def told() -> Iterator[None]:
    """Around what may fail: our own errors become a notice in its place."""
    try:
        yield
    except MomentError as error:
        tell("error", "This moment cannot be shown", str(error))
    except TapehouseError as error:
        tell("error", "This cannot be shown now", str(error))
