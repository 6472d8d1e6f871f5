"""Replaying a recording into Kafka, through the simulator and the real client."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from threading import Event
from typing import Self

import orjson
from pydantic import SecretStr

from catalog.settings import BrokerSettings, FeedSettings
from ingest.feed import Feed
from ingest.pipeline import Pipeline
from ingest.producer import Position, TradeProducer
from ingest.programs import Recorded
from ingest.simulator import Simulator
from ingest.topics_admin import check_topics
from ingest.venue import VenueOptions
from ingest.watch import SymbolWatch

_SILENT_SECONDS = 3600.0
_BROKER_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How far a replay has come, or how it ended.

    `offsets` holds the highest acknowledged offset of each (topic, topic partition): once a reader
    has all up to there, it has the whole replay. `seconds` runs from the connect, after the file
    was read once for its symbols.
    """

    recorded_frames: int
    sent_frames: int
    sent_trades: int
    acknowledged_trades: int
    rejected: int
    offsets: Mapping[Position, int]
    seconds: float

    def to_json(self) -> bytes:
        """One line, for whoever started the replay in another process."""
        places = [[*position, offset] for position, offset in self.offsets.items()]
        return orjson.dumps(asdict(self) | {"offsets": places}, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """The inverse of `to_json`."""
        fields = orjson.loads(line)
        places = {(topic, place): offset for topic, place, offset in fields.pop("offsets")}
        return cls(**fields, offsets=places)


def replay(
    recorded: Recorded,
    speed: float | None,
    broker: BrokerSettings,
    on_progress: Callable[[ReplayReport], None] | None = None,
    stop: Event | None = None,
) -> ReplayReport:
    """Play a recording into Kafka; `speed` None means as fast as it goes.

    The trades' source is the recording's name. `on_progress` is called about once a second. Ends
    when all is acknowledged, or early when `stop` is set. Raises RecordingError, BrokerError.
    """
    stop = stop or Event()
    check_topics(broker, _BROKER_WAIT_SECONDS)
    options = VenueOptions(token=secrets.token_urlsafe(16), symbol_limit=1_000_000)
    with (
        Simulator(options, recording=recorded, speed=speed) as simulator,
        TradeProducer(broker, stop=stop) as producer,
    ):
        began = time.monotonic()
        feed = _settings(simulator, options.token, recorded.name)

        def report() -> ReplayReport:
            return _report(simulator, producer, broker, time.monotonic() - began)

        Pipeline(
            Feed(feed, stop=stop, reconnect=lambda: not simulator.finished.is_set()),
            producer,
            SymbolWatch(feed.symbols, feed.source, _SILENT_SECONDS),
            source=feed.source,
            stop=stop,
            on_tick=lambda: on_progress(report()) if on_progress else None,
        ).run()
        return report()


def _settings(simulator: Simulator, token: str, source: str) -> FeedSettings:
    symbols = tuple(sorted(simulator.playback.contents.symbols))
    chosen: dict[str, object] = {"symbols": symbols} if symbols else {}
    return FeedSettings.read(token=SecretStr(token), url=simulator.url, source=source, **chosen)


def _report(
    simulator: Simulator, producer: TradeProducer, broker: BrokerSettings, seconds: float
) -> ReplayReport:
    return ReplayReport(
        recorded_frames=len(simulator.playback.contents.trades),
        sent_frames=simulator.sent.frames,
        sent_trades=simulator.sent.trades,
        acknowledged_trades=producer.acknowledged[broker.topics.trades],
        rejected=producer.acknowledged[broker.topics.rejected],
        offsets=dict(producer.offsets),
        seconds=seconds,
    )
