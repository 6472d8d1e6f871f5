"""How long to wait before connecting again."""

from dataclasses import dataclass, field

from tenacity import RetryCallState, Retrying, wait_exponential, wait_random
from tenacity.wait import wait_base

from catalog.errors import FeedThrottledError

LEAST_SECONDS = 0.5
MOST_SECONDS = 3600.0


@dataclass(slots=True)
class Backoff:
    """Seconds that grow with each try in a row, capped and jittered; a vendor's own wish wins."""

    wait: wait_base = field(
        default_factory=lambda: wait_exponential(multiplier=0.5, max=59) + wait_random(0, 1)
    )
    tries: int = 0

    def after(self, error: Exception) -> float:
        """The wait after one more failure."""
        self.tries += 1
        if isinstance(error, FeedThrottledError) and error.retry_after_seconds is not None:
            return min(max(error.retry_after_seconds, LEAST_SECONDS), MOST_SECONDS)
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = self.tries
        return float(self.wait(state))

    def reset(self) -> None:
        """Begin anew, after a connection that held."""
        self.tries = 0
