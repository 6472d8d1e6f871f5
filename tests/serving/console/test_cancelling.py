import pytest

from catalog.errors import QueryError
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from tests.support.stand_in_catalog import stand_in_catalog


def test_a_cancel_that_comes_before_the_process_is_not_lost(monkeypatch):
    with (
        stand_in_catalog() as catalog,
        Console(catalog.settings(), ConsoleSettings(spares=0)) as console,
    ):
        start = console._start

        def start_after_a_cancel():
            assert console.cancel("somebody")
            return start()

        monkeypatch.setattr(console, "_start", start_after_a_cancel)
        with pytest.raises(QueryError, match="cancelled"):
            console.ask("somebody", "SELECT 1")
        monkeypatch.setattr(console, "_start", start)
        assert console.ask("somebody", "SELECT 1 AS a").table.to_pylist() == [{"a": 1}]
