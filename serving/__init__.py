"""Reading the lake and showing it. `from serving import Lake` is all a notebook needs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.lake import Lake, to_relation

__all__ = ["Lake", "to_relation"]


def __getattr__(name: str) -> object:
    # DuckDB is heavy and not installed with every process: import it when it is asked for.
    if name in __all__:
        return getattr(import_module("serving.lake"), name)
    raise AttributeError(name)
