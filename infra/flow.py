"""Whether trades reach the table, by what the stream tells of itself, look after look."""

from dataclasses import dataclass

from infra.reach import Json


@dataclass(slots=True)
class Flow:
    """What was seen so far of the topic's trades; nothing counts before their query runs."""

    topic: str
    first: int | None = None
    stored: int = 0
    latest: int = 0
    is_caught_up: bool = False

    def note(self, status: Json) -> None:
        """Take in what the keeper tells now."""
        if not status["query"]["id"]:
            return
        places = list(status["offsets"].get(self.topic, {}).values())
        self.stored = sum(place.get("stored", 0) for place in places)
        self.latest = sum(place.get("latest", 0) for place in places)
        # One of which nothing is known to be stored was in no micro-batch yet.
        caught_up = [place.get("stored", -1) >= place.get("latest", 0) for place in places]
        self.is_caught_up = bool(places) and all(caught_up)
        if self.first is None:
            self.first = self.stored

    @property
    def runs(self) -> bool:
        """Whether the query was seen running."""
        return self.first is not None

    @property
    def grew(self) -> bool:
        """Whether more is stored than at the first look."""
        return self.first is not None and self.stored > self.first
