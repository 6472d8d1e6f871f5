"""What one look of the poller brought, for whoever watches the market beside the screen."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from serving.feed_watch import FeedNews
from serving.frames import Frame


@dataclass(frozen=True, slots=True)
class News:
    """`trades` are the rows that are new in `frame` (with the columns of `queries`), None: none.

    `feed` is None where nothing came of the feed, or nobody looked.
    """

    before: Frame
    frame: Frame
    trades: pa.Table | None = None
    feed: FeedNews | None = None


Observer = Callable[[News], None]
"""Called after each look, in the poller's thread: it must be quick."""
