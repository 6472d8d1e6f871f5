"""The session's shared instance: one start serves every integration test that can share it."""

from collections.abc import Iterator

import pytest

from tests.support.instance import Instance


@pytest.fixture(scope="session")
def instance(tmp_path_factory) -> Iterator[Instance]:
    """The session's shared instance: no feed of its own, a 1 s trigger."""
    one = Instance(
        tmp_path_factory.mktemp("shared") / "home",
        ("--feed", "none", "--no-dashboard", "--trigger", "1"),
    )
    one.start()
    yield one
    one.stop()
