"""The way of a trade, link by link: what state each is in and why, and how long trades take.

What looks alike from afar is told apart here: a feed that is silent, one that is disconnected, a
market that is closed, a producer that is gone, a stream that is behind or stands still, a lake that
does not answer. What cannot be seen past a broken link is unknown, not well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from serving.bars import SECOND
from serving.frames import Frame, State
from serving.freshness import Delay, Delays, Stage
from serving.hours import is_closed, opens_next
from serving.rows import age, ago, clock, count
from serving.times import to_microseconds

QUIET_SECONDS = 20
# So long after a trade is due to be called silent the producer's word for it must be in the table.
_WORD_SECONDS = 90
_UNHEARD_SECONDS = 30
_UNHEARD_TRIGGERS = 5
_BEHIND_SECONDS = 15

Json = Mapping[str, Any]


class Health(StrEnum):
    """What state a link is in; each looks different on the page."""

    FLOWING = "flowing"
    SILENT = "silent"
    CLOSED = "closed"
    DISCONNECTED = "disconnected"
    BEHIND = "behind"
    BROKEN = "broken"
    LOADING = "loading"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: `state` in a word or two, and up to three facts, the first of which says why."""

    name: str
    kind: Health
    state: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole way in one sentence, and why."""

    kind: Health
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the chain is judged by; times in microseconds.

    `keeper` is its status, empty where it did not answer, and then `keeper_error` says why.
    `spoke_at` is when the newest feed event ended, `silent_seconds` when the producer calls a
    symbol silent, `rates` are trades received a second (in 10 s, in 1 min). `every` is how often
    the page is drawn anew, None where it is not.
    """

    frame: Frame
    now: int
    keeper: Json
    keeper_error: str = ""
    spoke_at: int | None = None
    silent_seconds: float = 600.0
    rates: tuple[float, float] | None = None
    every: float | None = None

    @property
    def is_past(self) -> bool:
        """Whether it is about a past moment, of which the keeper cannot tell."""
        return self.frame.as_of is not None

    @property
    def heard_at(self) -> int | None:
        """When the newest trade was received."""
        return self.frame.position.complete_to if self.frame.position else None

    @property
    def is_flowing(self) -> bool:
        """Whether trades have come within the last seconds."""
        heard = self.heard_at
        return heard is not None and self.now - heard < QUIET_SECONDS * SECOND


def chain(seen: Seen, delays: Delays) -> dict[str, Any]:
    """The `chain` component's payload."""
    links = judge(seen)
    verdict = sum_up(seen, links)
    position = seen.frame.position
    return {
        "version": seen.frame.version,
        "live": not seen.is_past,
        "committed": position.committed_at / 1000 if position else None,
        "kind": verdict.kind,
        "title": verdict.title,
        "why": verdict.why,
        "links": [asdict(link) for link in links],
        "stages": _stages(delays, is_past=seen.is_past),
    }


def judge(seen: Seen) -> tuple[Link, ...]:
    """Every link, in the order of the way."""
    table, stream = _table(seen), _stream(seen)
    is_blind = Health.BROKEN in {table.kind, stream.kind} or table.kind is Health.LOADING
    feed = Link("Feed", Health.UNKNOWN, "unknown", ("nothing can be seen of it now",))
    return (feed if is_blind else _feed(seen), _kafka(seen), stream, table, _screen(seen))


def sum_up(seen: Seen, links: Sequence[Link]) -> Verdict:
    """The nearest link that is not well decides: what lies behind it cannot be seen."""
    feed, _, stream, table, _ = links
    worst = {Health.BROKEN, Health.LOADING, Health.BEHIND}
    link = next((one for one in (table, stream) if one.kind in worst), feed)
    title = _TITLES[link.name, link.kind]
    if seen.is_past:
        title = f"At this moment: {title}"
    return Verdict(link.kind, title, " · ".join(fact for fact in link.facts if fact))


_TITLES = {
    ("Feed", Health.FLOWING): "Trades are flowing",
    ("Feed", Health.SILENT): "The feed is silent",
    ("Feed", Health.CLOSED): "The market is closed",
    ("Feed", Health.DISCONNECTED): "The feed is disconnected",
    ("Feed", Health.BROKEN): "The producer is not heard of",
    ("Feed", Health.EMPTY): "No trade yet",
    ("Feed", Health.UNKNOWN): "Nothing can be seen",
    ("Stream", Health.LOADING): "The stream is starting",
    ("Stream", Health.BEHIND): "The stream is behind",
    ("Stream", Health.BROKEN): "The pipeline is broken: the stream",
    ("Table", Health.LOADING): "Reading the lake",
    ("Table", Health.BROKEN): "The pipeline is broken: the lake",
}


def _feed(seen: Seen) -> Link:
    heard, feed = seen.heard_at, seen.frame.feed
    since = f"{feed.kind} {clock(feed.at)} UTC" if feed else "no producer has said anything"
    if heard is None:
        return Link("Feed", Health.EMPTY, "no trade yet", (since,))
    last = f"last trade received {ago(heard, seen.now)}"
    if seen.is_flowing:
        rates = seen.rates
        rate = f"{rates[0]:.1f} trades/s, {rates[1]:.1f} over 1 min" if rates else ""
        return Link("Feed", Health.FLOWING, "trading", (last, rate, since))
    if seen.frame.is_disconnected and feed:
        return Link("Feed", Health.DISCONNECTED, "disconnected", (feed.detail or last, last, since))
    if _producer_is_gone(seen, heard):
        why = (
            "the producer has told neither a trade nor a silence since: it does not run, or does"
            " not reach Kafka"
        )
        return Link("Feed", Health.BROKEN, "no producer", (why, last, since))
    if is_closed(seen.frame.quotes, seen.now):
        return Link("Feed", Health.CLOSED, "market closed", (opens_next(seen.now), last, since))
    why = "no trade, though a market is open: the feed sends none"
    return Link("Feed", Health.SILENT, "silent", (last, why, since))


def _producer_is_gone(seen: Seen, heard: int) -> bool:
    """It calls every silence by its name, once it lasts; an older word of it is of another."""
    due = heard + round((seen.silent_seconds + _WORD_SECONDS) * SECOND)
    return seen.now > due and (seen.spoke_at is None or seen.spoke_at <= heard + SECOND)


def _kafka(seen: Seen) -> Link:
    if seen.is_past:
        return _not_kept("Kafka")
    topics = seen.keeper.get("offsets", {})
    if not topics:
        return Link("Kafka", Health.UNKNOWN, "unknown", ("the stream has not told of it",))
    places = [place for topic in topics.values() for place in topic.values()]
    messages = sum(place.get("latest", 0) for place in places)
    told = _reported_at(seen)
    facts = (
        f"{count(messages)} messages in {len(topics)} topics",
        f"told by the stream {ago(told, seen.now)}" if told else "",
    )
    if _stream(seen).kind is Health.BROKEN:
        return Link("Kafka", Health.UNKNOWN, "unknown", facts)
    return Link("Kafka", Health.FLOWING, "answers", facts)


def _stream(seen: Seen) -> Link:
    if seen.is_past:
        return _not_kept("Stream")
    if seen.keeper_error:
        # A table that grows says more than a keeper that is silent.
        kind = Health.UNKNOWN if seen.is_flowing else Health.BROKEN
        return Link("Stream", kind, "no answer", (seen.keeper_error,))
    reported = _reported_at(seen)
    if reported is None:
        return Link("Stream", Health.LOADING, "starting", ("Spark is starting",))
    return _query(seen, reported)


def _query(seen: Seen, reported: int) -> Link:
    query = seen.keeper["query"]
    trigger = query.get("trigger_seconds") or 0.0
    facts = (
        f"commits every {trigger:g} s, {query.get('input_rows_per_second', 0.0):g} rows/s in",
        f"{count(behind(seen.keeper))} trades behind",
        f"last micro-batch took {query['batch_ms']} ms" if query.get("batch_ms") else "",
    )
    unheard = (seen.now - reported) / SECOND
    if unheard > max(_UNHEARD_SECONDS, _UNHEARD_TRIGGERS * trigger):
        why = f"its query has not been heard of for {age(unheard)}"
        return Link("Stream", Health.BROKEN, "stands still", (why, *facts[1:]))
    if query.get("stretched"):
        why = f"commits less often than every {query['stretched']}"
        return Link("Stream", Health.BEHIND, "stretched", (why, *facts[1:]))
    if _is_behind(seen.keeper, trigger):
        return Link("Stream", Health.BEHIND, "behind", (facts[1], facts[0], facts[2]))
    return Link("Stream", Health.FLOWING, "keeps up", facts)


def behind(keeper: Json) -> int:
    """Trades that are in Kafka and not in the table yet."""
    offsets = keeper.get("offsets", {})
    # The other topics are named after that of the trades.
    trades = offsets[min(offsets, key=len)] if offsets else {}
    return sum(lag_of(place) or 0 for place in trades.values())


def lag_of(place: Mapping[str, int]) -> int | None:
    """Of one topic partition; None where one of its ends is not known."""
    if "latest" not in place or "stored" not in place:
        return None
    return max(0, place["latest"] - place["stored"])


def _is_behind(keeper: Json, trigger: float) -> bool:
    """Whether what waits takes longer than some triggers to come."""
    rate = max(keeper["query"].get("input_rows_per_second") or 0.0, 1.0)
    return behind(keeper) / rate > max(_BEHIND_SECONDS, _UNHEARD_TRIGGERS * trigger)


def _reported_at(seen: Seen) -> int | None:
    text = seen.keeper.get("query", {}).get("reported_at")
    return to_microseconds(datetime.fromisoformat(text)) if text else None


def _table(seen: Seen) -> Link:
    frame, position = seen.frame, seen.frame.position
    if frame.state is State.BROKEN and frame.trouble:
        since = f"since {clock(frame.trouble.since)} UTC"
        return Link("Table", Health.BROKEN, "no answer", (frame.trouble.reason, since))
    if position is None:
        return Link("Table", Health.LOADING, "loading", ("reading the newest trades",))
    facts = (
        f"committed {ago(position.committed_at, seen.now)}",
        f"{count(position.rows)} trades",
        f"snapshot {position.snapshot_id}",
    )
    if seen.is_past:
        committed = f"{clock(position.committed_at)} UTC"
        return Link("Table", Health.FLOWING, "as of", (committed, *facts[1:]))
    return Link("Table", Health.FLOWING, "answers", facts)


def _screen(seen: Seen) -> Link:
    if seen.is_past:
        return Link("Screen", Health.FLOWING, "as of", ("stands still: a past moment",))
    if seen.every is None:
        return Link("Screen", Health.SILENT, "paused", ("stands still until you resume",))
    return Link("Screen", Health.FLOWING, "follows", (f"drawn anew every {seen.every:g} s",))


def _not_kept(name: str) -> Link:
    return Link(name, Health.UNKNOWN, "not kept", ("it tells of the present only",))


def _stages(delays: Delays, *, is_past: bool) -> list[dict[str, Any]]:
    """The stages from the venue to this screen; the last but one is measured by the screen."""
    gone = "of a past moment this is not known" if is_past else "nothing measured yet"
    return [
        _venue(delays.get(Stage.VENUE), gone),
        _stage(Stage.KAFKA, delays.get(Stage.KAFKA), gone),
        _stage(Stage.TABLE, delays.get(Stage.TABLE), gone),
        {
            **_stage("table → screen", None, gone),
            "here": True,
            "of": "updates",
            "note": gone if is_past else "measured by this browser, as snapshots come",
        },
        _stage(Stage.ALL, delays.get(Stage.ALL), gone),
    ]


_DAY_SECONDS = 86_400.0


def _venue(delay: Delay | None, gone: str) -> dict[str, Any]:
    if delay is not None and abs(delay.p50) > _DAY_SECONDS:
        return _stage(Stage.VENUE, None, "a recording: its venue times are of another day")
    return _stage(Stage.VENUE, delay, gone)


def _stage(name: str, delay: Delay | None, note: str) -> dict[str, Any]:
    figures = asdict(delay) if delay else {"p50": None, "p99": None, "n": 0}
    return {"name": name, **figures, "of": "trades", "here": False, "note": note}
