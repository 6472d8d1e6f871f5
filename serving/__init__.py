"""Reading the lake and showing it. `from serving import Lake` is all a notebook needs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.lake import Lake

__all__ = ["Lake"]


def __getattr__(name: str) -> object:
    # DuckDB is heavy and not installed with every process: import it when it is asked for.
    if name == "Lake":
        return import_module("serving.lake").Lake
    raise AttributeError(name)
