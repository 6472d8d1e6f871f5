import json

import pytest
from typer.testing import CliRunner

from infra import cli_care
from infra.cli import app

FOLD = {
    "at": "2026-01-02T03:04:05.678+00:00",
    "table": "trades",
    "act": "fold",
    "files_in": 60,
    "files_out": 7,
    "bytes": 240_000,
    "seconds": 0.5,
    "contents": {"event_time_day=2026-01-02/symbol=AAPL": "9:" + "0" * 32},
}
FAILED = {"at": "2026-01-02T03:05:05+00:00", "table": "trades", "act": "expire", "error": "no"}


class Reach:
    """An instance that has done some acts, and does others when it is asked to."""

    def __init__(self, acts=(), stretched=None, done=True):
        self.acts = list(acts)
        self.stretched = stretched
        self.done = done
        self.asked = []

    def keeper_status(self):
        return {"care": {"runs": self.acts}, "query": {"stretched": self.stretched}}

    def act(self, path, body):
        self.asked.append((path, body))
        return {"done": self.done, "acts": self.acts if self.done else []}


@pytest.fixture
def run(monkeypatch):
    def run(reach, *arguments):
        monkeypatch.setattr(cli_care, "reach_of", lambda *_: reach)
        return CliRunner().invoke(app, ["care", *arguments])

    return run


@pytest.mark.parametrize("arguments", [(), ("--status",)])
def test_what_was_done_is_told_with_its_figures(run, arguments):
    reach = Reach([FOLD])
    told = run(reach, *arguments)
    assert told.exit_code == 0
    for words in ("2026-01-02T03:04:05", "trades", "fold", "60", "7", "240.0 kB", "0.5"):
        assert words in told.stdout
    assert "content of 1 table partitions unchanged" in told.stdout
    assert not reach.asked


def test_json_tells_all_of_it(run):
    assert json.loads(run(Reach([FOLD]), "--format", "json").stdout) == [FOLD]


def test_csv_has_plain_figures(run):
    lines = run(Reach([FOLD]), "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("at,table,act,files in,files out,bytes,seconds")
    assert lines[1].startswith("2026-01-02T03:04:05,trades,fold,60,7,240000,0.5")


@pytest.mark.parametrize(("option", "is_dry"), [("--now", False), ("--dry-run", True)])
def test_a_round_is_asked_of_the_keeper(run, option, is_dry):
    reach = Reach([FOLD])
    assert run(reach, option).exit_code == 0
    assert reach.asked == [("/care", {"dry_run": is_dry})]


def test_an_act_that_failed_is_told_and_shows_in_the_exit_code(run):
    told = run(Reach([FOLD, FAILED]))
    assert told.exit_code == 1
    assert "error no" in told.stdout


def test_a_stretched_trigger_is_said(run):
    told = run(Reach(stretched="2 s: 9000 small files wait for care (5000)"))
    assert "less often than every 2 s: 9000 small files" in told.stderr
    assert "as they should be" in told.stderr


def test_a_round_that_takes_long_is_not_taken_for_done(run):
    assert "still at it" in run(Reach(done=False), "--now").stderr


def test_two_wishes_at_once_are_refused(run):
    assert "give one of them" in str(run(Reach(), "--now", "--dry-run").exception)
