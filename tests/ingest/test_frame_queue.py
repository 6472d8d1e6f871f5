"""The bounded queue: order kept, nothing dropped, full means wait."""

from threading import Event, Thread

import pytest

from catalog.errors import FeedRefusedError
from ingest.frame import Frame
from ingest.frame_queue import FrameQueue
from tests.ingest.listening import wait_until


def frame(number, size=4):
    return Frame(str(number).zfill(size).encode(), number)


def test_items_come_out_in_order_and_at_most_as_many_as_asked_for():
    queue = FrameQueue()
    for number in range(5):
        queue.put(frame(number))
    assert [item.received_at for item in queue.take(3, 0)] == [0, 1, 2]
    assert [item.received_at for item in queue.take(3, 0)] == [3, 4]


def test_nothing_in_time_is_an_empty_list_and_nothing_ever_more_is_none():
    queue = FrameQueue()
    assert queue.take(3, 0.01) == []
    queue.end()
    assert queue.take(3, 0) is None


def test_an_error_comes_after_all_that_came_before_it():
    queue = FrameQueue()
    queue.put(frame(1))
    queue.end(FeedRefusedError("no"))
    assert len(queue.take(3, 0)) == 1
    with pytest.raises(FeedRefusedError):
        queue.take(3, 0)


@pytest.mark.parametrize("bounds", [{"max_items": 3}, {"max_bytes": 12}])
def test_a_full_queue_lets_the_reader_wait_and_loses_nothing(bounds):
    queue = FrameQueue(**bounds)
    asked, put = Event(), []

    def read():
        for number in range(10):
            queue.put(frame(number), while_full=asked.set)
            put.append(number)
        queue.end()

    reader = Thread(target=read, daemon=True)
    reader.start()
    assert asked.wait(20)
    assert put == [0, 1, 2]
    taken = []
    while (items := queue.take(2, 5)) is not None:
        assert len(queue) <= 3
        taken += [item.received_at for item in items]
    reader.join(5)
    assert taken == list(range(10))


def test_one_item_longer_than_the_bound_is_let_in_alone():
    queue = FrameQueue(max_bytes=10)
    queue.put(frame(1, size=1000))
    assert len(queue) == 1


def test_ending_frees_a_reader_that_waits():
    queue = FrameQueue(max_items=1)
    queue.put(frame(0))
    reader = Thread(target=queue.put, args=(frame(1),), daemon=True)
    reader.start()
    queue.end()
    wait_until(lambda: not reader.is_alive(), "the reader to be free")
