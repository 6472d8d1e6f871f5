"""One stack for the whole session, in a copy of the repository that tests may edit."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Fixtures of the browser tier, which some of these tests share.
from tests.browser.conftest import browser, page  # noqa: F401
from tests.support.images import images_to_start_from
from tests.support.listening import listening_addresses
from tests.support.local_lake import free_ports
from tests.support.stack import Stack, copy_project, running

# First what needs the shared stack not at all, so that it runs beside nothing; then that stack from
# its first trade on, and what kills or stops its parts last.
_ORDER = (
    "test_images",
    "test_failing_services",
    "test_external",
    "test_contract",
    "test_up",
    "test_host_commands",
    "test_hardening",
    "test_edits",
    "test_survival",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts these modules, and no tests of other folders, into the order above."""
    places = [i for i, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[i] for i in places), key=lambda item: _ORDER.index(item.path.stem))
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Config values for a machine that can pull nothing; empty where the pinned ones can be had."""
    return images_to_start_from()


@pytest.fixture(scope="session")
def make_stack(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]):
    """A maker of stacks, each with a project, a state and a port of its own."""

    def make(name: str, kind: type[Stack] = Stack, **config: str) -> Stack:
        folder = tmp_path_factory.mktemp(name)
        (port,) = free_ports(1)
        return kind(
            name=f"test-{name}-{os.getpid()}",
            project=copy_project(folder / "project"),
            home=folder / "pulumi",
            config={
                "dashboardPort": str(port),
                "rate": "50",
                "patienceSeconds": "420",
                **images,
                **config,
            },
        )

    return make


@pytest.fixture(scope="session")
def listening_before() -> frozenset[str]:
    """What this machine listened on before any stack was up."""
    return listening_addresses()


@pytest.fixture(scope="session")
def stack(make_stack, listening_before: frozenset[str]) -> Iterator[Stack]:
    """The stack that most tests share: every default, the simulator, MinIO."""
    with running(make_stack("main")) as one:
        one.wait_until_well()
        yield one
