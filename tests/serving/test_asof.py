import threading
import time

import pytest

from serving.asof import Kept


def test_what_is_kept_is_made_once():
    kept = Kept(2)
    made = []

    def make():
        made.append(1)
        time.sleep(0.05)
        return len(made)

    threads = [threading.Thread(target=kept.get, args=("a", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.get("a", make) == 1
    assert made == [1]


def test_what_was_wanted_longest_ago_goes_first():
    kept = Kept(2)
    for key in ("a", "b", "a", "c"):
        kept.get(key, lambda key=key: key)
    assert kept.get("a", lambda: "anew") == "a"
    assert kept.get("b", lambda: "anew") == "anew"


def test_an_error_is_not_kept():
    kept = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 1) == 1


def test_one_that_is_being_made_holds_up_no_other():
    kept = Kept(2)
    go_on = threading.Event()
    slow = threading.Thread(target=kept.get, args=("slow", lambda: go_on.wait(10)))
    slow.start()
    assert kept.get("quick", lambda: 1) == 1
    go_on.set()
    slow.join()
