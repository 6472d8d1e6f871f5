"""An instance as the commands see it, whichever way it runs: in a home, or as a Pulumi stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Heavy, and needed by some commands alone.
    import pyarrow as pa

    from infra.asking import Answer
    from ingest.replay import ReplayReport
    from serving.asking import AnyRequest
    from serving.console.wire import Asked, Outcome

Json = dict[str, Any]


class Reach(Protocol):
    """What commands may ask of a running instance; each method raises what its errors say."""

    @property
    def has_feed(self) -> bool:
        """Whether trades should come in by themselves; a recording that has ended sends none."""
        ...

    @property
    def topic(self) -> str:
        """That of the trades."""
        ...

    def describe(self) -> Json:
        """What `status` tells, but for the stream: `services` by name, with state, detail, well."""
        ...

    def keeper_status(self) -> Json:
        """What the streaming process tells of itself. Raises ServiceError when it is silent."""
        ...

    def act(self, path: str, body: Json) -> Json:
        """Have the streaming process do an act, such as `/tag`; what came of it.

        Raises what the act says, ServiceError when the process is silent.
        """
        ...

    def table(self, request: AnyRequest) -> pa.Table:
        """Ask the instance's lake. Raises QueryError, MomentError, LakeError."""
        ...

    def ask_apart(self, asked: Asked) -> Outcome:
        """Have somebody's SQL answered in a process of its own. Raises the same, and for limits."""
        ...

    def play(
        self,
        path: Path,
        speed: float | None,
        on_progress: Callable[[ReplayReport], None],
        stop: Event,
    ) -> ReplayReport:
        """Play a recording into the instance's Kafka, until its end or `stop`."""
        ...


def answer(reach: Reach, request: AnyRequest) -> Answer:
    """What the instance's lake answers, as rows. Raises QueryError, MomentError, LakeError."""
    # Heavy, and needed here alone.
    from infra.asking import Answer  # noqa: PLC0415

    return Answer.of(reach.table(request))


def ask(
    reach: Reach, sql: str, as_of: str | None = None, parameters: Sequence[object] = ()
) -> Answer:
    """Answer a SELECT of ours, now or as of a moment. Raises QueryError, MomentError, LakeError."""
    # Heavy, and needed here alone.
    from serving.asking import Request  # noqa: PLC0415

    return answer(reach, Request(sql, as_of, tuple(parameters)))


def ask_apart(reach: Reach, sql: str) -> Outcome:
    """The same as somebody's SQL: behind the gate, with limits. Raises the same."""
    # Heavy, and needed here alone.
    from serving.console.wire import COMMAND_LINE, Asked  # noqa: PLC0415

    return reach.ask_apart(Asked(COMMAND_LINE, sql))


def list_snapshots(reach: Reach, last: int | None = None, *, offsets: bool = False) -> Answer:
    """The kept snapshots of the trades, or the newest `last` of them, oldest first."""
    # Heavy, and needed here alone.
    from serving.asking import Request  # noqa: PLC0415

    return answer(reach, Request(last=last, offsets=offsets))


def trades_position(reach: Reach) -> dict[str, tuple[int, int]]:
    """By topic partition of the trades: the next offset to store, and the topic's end."""
    offsets = reach.keeper_status()["offsets"].get(reach.topic, {})
    return {
        place: (int(known.get("stored", 0)), int(known.get("latest", 0)))
        for place, known in offsets.items()
    }
