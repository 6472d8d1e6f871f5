"""Questions to the lake, for the command line.

A module of its own because DuckDB and PyIceberg are heavy and most commands do without them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from infra.connections import lake_settings
from infra.home import Home
from serving import Lake
from serving.asking import AnyRequest, answer, to_json
from serving.console.console import ask_once
from serving.console.settings import ConsoleSettings
from serving.console.wire import Asked, Outcome


class Answer(NamedTuple):
    """Rows under their columns' names."""

    names: Sequence[str]
    rows: Sequence[Sequence[object]]

    @classmethod
    def of(cls, table: pa.Table) -> "Answer":
        """The rows of a table."""
        columns = [column.to_pylist() for column in table.columns]
        return cls(table.column_names, list(zip(*columns, strict=True)))


def ask_home(home: Home, request: AnyRequest) -> pa.Table:
    """Ask the lake of a home. Raises QueryError, MomentError, LakeError."""
    with Lake.open(lake_settings(home)) as lake:
        return answer(lake, request)


def ask_home_apart(home: Home, asked: Asked) -> Outcome:
    """Have somebody's SQL answered by a process of its own. Raises as `Console.ask` does."""
    return ask_once(lake_settings(home), ConsoleSettings.read(), asked)


def ask_through(pipe: Callable[[bytes], bytes], request: AnyRequest) -> pa.Table:
    """Ask a `python -m serving` that `pipe` runs: its input in, its output back."""
    with pa.ipc.open_stream(pipe(to_json(request))) as reader:
        return reader.read_all()
