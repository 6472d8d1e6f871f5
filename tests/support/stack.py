"""A real stack on a real engine, driven as a user does it: by `pulumi` and `tapehouse --stack`."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from infra.engine import LAUNCHER, PROJECT_LABEL, STACK_LABEL, Container, Engine
from infra.reach_stack import PROJECT
from tests.support import break_ins
from tests.support.instance import wait_until

ROOT = Path(__file__).parent.parent.parent
TAPEHOUSE = Path(sys.executable).with_name("tapehouse")
ENGINE = Engine()

_PULUMI_SECONDS = 1500
_PROGRAM_SECONDS = 300
_SHARED = (".venv", ".jars", ".tools")


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended; `text` is all that it said, `out` its standard output alone."""

    code: int
    text: str
    out: str


def copy_project(folder: Path) -> Path:
    """The repository as it stands, in a folder of its own, so that a test may edit it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in _SHARED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


@dataclass
class Stack:
    """One stack of the project in `project`; `home` keeps Pulumi's state."""

    name: str
    project: Path
    home: Path
    config: dict[str, str]
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    secret_config: dict[str, str] = field(default_factory=dict)
    _tried: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict, repr=False)

    def init(self) -> None:
        """Make the stack and its config; nothing runs yet."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.pulumi("stack", "init", self.name)
        self.configure(self.config, {"secret": self.secret, **self.secret_config})

    def configure(self, values: Mapping[str, str], secret: Mapping[str, str] | None = None) -> None:
        """Set config values, plain and secret ones; a dot in a key is a path into an object."""
        kinds = {"--plaintext": values, "--secret": secret or {}}
        given = [
            word
            for kind, pairs in kinds.items()
            for key, value in pairs.items()
            for word in (kind, f"{key}={value}")
        ]
        if given:
            self._config("set-all", "--path", *given)

    def _config(self, *arguments: str) -> None:
        self.pulumi("config", *arguments, "--stack", self.name)

    def pulumi(self, *arguments: str, check: bool = True) -> Done:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=_PULUMI_SECONDS,
            check=False,
        )
        return _done(f"pulumi {' '.join(arguments[:2])}", done, check=check)

    def environment(self) -> dict[str, str]:
        """Pulumi's: a state of our own; tools from the PATH are never replaced by downloads."""
        return self._surroundings() | {
            "PULUMI_BACKEND_URL": self.home.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "of-the-tests",
        }

    def _surroundings(self) -> dict[str, str]:
        own = {
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Before the editable install, so that the copy's own sources are what runs.
            "PYTHONPATH": str(self.project),
            "FINNHUB_API_TOKEN": "",
            "FINNHUB_TICKERS": "",
        }
        if shutil.which("pulumi-resource-docker"):
            own |= {
                "PULUMI_HOME": str(self.home / "home"),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            }
        return {**os.environ, **own}

    def up(self, *, check: bool = True) -> Done:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", self.name, check=check)

    def destroy(self, *, check: bool = True) -> Done:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.name, check=check)

    @property
    def deletion(self) -> str:
        """The shell's command that deletes what `retain` has left, as the outputs show it."""
        found = f"docker volume ls -q --filter label={STACK_LABEL}={self.name}"
        return f"docker volume rm $({found})"

    def preview_without_changes(self) -> Done:
        return self.pulumi(
            "preview", "--expect-no-changes", "--diff", "--stack", self.name, check=False
        )

    def replaced_by(self, edit: Mapping[str, str] | None = None) -> set[str]:
        """Services whose containers another `up` makes anew, after changing the config."""
        before = {name: one.id for name, one in self.containers().items()}
        self.configure(edit or {})
        self.up()
        after = {name: one.id for name, one in self.containers().items()}
        return {name for name in before | after if before.get(name) != after.get(name)}

    def containers(self) -> dict[str, Container]:
        """By service, jobs included."""
        found = ENGINE.containers(self.labels)
        return {one.service: one for one in found}

    def services(self) -> dict[str, Container]:
        """By name, without the jobs."""
        return {name: one for name, one in self.containers().items() if not one.job}

    @property
    def labels(self) -> dict[str, str]:
        return {PROJECT_LABEL: PROJECT, STACK_LABEL: self.name}

    def leftovers(self) -> list[str]:
        """Names of everything of this stack that the engine still has; of an image, its id too."""
        prefix = f"{PROJECT}-{self.name}-"
        asked = {
            "ps": ("ps", "--all", "--format", "{{.Names}}"),
            "volume": ("volume", "ls", "--format", "{{.Name}}"),
            "network": ("network", "ls", "--format", "{{.Name}}"),
            "image": ("images", "--format", "{{.Repository}}"),
        }
        # Images may carry the prefix as a path: tapehouse-test/kafka.
        named = [
            f"{kind} {name}"
            for kind, arguments in asked.items()
            for name in docker(*arguments).split()
            if name.startswith((prefix, prefix.rstrip("-") + "/"))
        ]
        # One whose name has moved on to another is found by its label alone.
        label = f"--filter=label={STACK_LABEL}={self.name}"
        return named + [f"image {found}" for found in docker("images", "--quiet", label).split()]

    def cli(self, *arguments: str, timeout: float = 300, check: bool = True) -> Done:
        """Run `tapehouse --stack` beside the stack."""
        done = subprocess.run(
            [TAPEHOUSE, "--stack", self.name, *arguments],
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"tapehouse {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}"
            )
        return Done(done.returncode, done.stdout + done.stderr, done.stdout)

    def sql(self, text: str, *options: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(
            self.cli("sql", text, "--format", "json", *options).out
        )
        return rows

    def count(self, table: str = "trades") -> int:
        return int(self.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    def status(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.cli("status", "--json", check=False).out)
        return report

    def offsets(self) -> dict[str, dict[str, int]]:
        """By topic partition of the trades: `stored` and `latest`; none while nobody answers."""
        stream = self.status()["stream"]
        places: dict[str, dict[str, int]] = (stream or {"offsets": {}})["offsets"].get(
            "stock-ticks", {}
        )
        return places

    def latest(self) -> int:
        """How many trades the topic holds: all that were acknowledged a moment ago."""
        return sum(place["latest"] for place in self.offsets().values())

    def is_caught_up(self, minimum: int = 0) -> bool:
        """Whether all that the trades' topic held a moment ago is stored, and `minimum` of them."""
        places = self.offsets().values()
        stored = sum(place.get("stored", 0) for place in places)
        latest = sum(place.get("latest", 0) for place in places)
        return bool(places) and stored >= max(minimum, latest)

    def wait_until_well(self, seconds: float = 240) -> None:
        """Every container good, and new trades in the table."""
        wait_until(
            lambda: all(one.is_good for one in self.containers().values()),
            seconds,
            f"all containers of {self.name} to be well",
            every=1,
        )
        self.cli("status", "--wait", timeout=seconds + 60)

    def stop(self, service: str) -> None:
        """As a person might, behind Pulumi's back."""
        docker("stop", "--time", "1", self.containers()[service].name)

    def dashboard_url(self) -> str:
        (address,) = self.containers()["dashboard"].published
        return f"http://{address}"

    def python(self, service: str, program: str) -> Any:
        """What a program prints as JSON that runs in a container with the service's secrets."""
        done = ENGINE.run_in(
            self.containers()[service].name,
            (*LAUNCHER, "/opt/venv/bin/python", "-"),
            program.encode(),
            _PROGRAM_SECONDS,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
        return json.loads(done.stdout)

    def tried(self, service: str, program: str) -> dict[str, str]:
        """What came of a break-in (see `break_ins`), which is run once whoever asks."""
        if (service, program) not in self._tried:
            self._tried[service, program] = self.python(service, program)
        return self._tried[service, program]


class MadeStack(Stack):
    """One that is set up, brought up and down as `make` does it: its state, passphrase and secret
    are those that these commands choose."""

    def init(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.configure(self.config, self.secret_config)

    def _config(self, *arguments: str) -> None:
        self._make("config", *arguments)

    def environment(self) -> dict[str, str]:
        made = self.project / ".stack"
        return self._bare() | {
            "PULUMI_BACKEND_URL": (made / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(made / "passphrase"),
        }

    def up(self, *, check: bool = True) -> Done:
        return self._make("up", check=check)

    def destroy(self, *, check: bool = True) -> Done:
        return self._make("down", check=check)

    def _bare(self) -> dict[str, str]:
        """Without the variables by which a user keeps a state and a passphrase of their own."""
        own = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
        return {name: text for name, text in self._surroundings().items() if name not in own}

    def _make(self, verb: str, *arguments: str, check: bool = True) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "infra.provision", verb, "--stack", self.name, *arguments],
            cwd=self.project,
            env=self._bare(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PULUMI_SECONDS,
            check=False,
        )
        return _done(f"make {verb}", done, check=check)


def _done(what: str, process: subprocess.CompletedProcess[str], *, check: bool) -> Done:
    text = process.stdout + process.stderr
    if check and process.returncode:
        raise AssertionError(f"{what}: {process.returncode}\n{text[-6000:]}")
    return Done(process.returncode, text, process.stdout)


def docker(*arguments: str) -> str:
    """What the docker command prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=600
    ).stdout


def assert_exactly_once(stack: Stack) -> int:
    """Each offset of the trades' topic is in the tables once, without a hole; returns how many."""
    rows = stack.sql(
        """
        SELECT kafka_partition AS place, count(*) AS n, count(DISTINCT kafka_offset) AS offsets,
            min(kafka_offset) AS first, max(kafka_offset) AS last
        FROM (SELECT kafka_partition, kafka_offset FROM trades UNION ALL
              SELECT kafka_partition, kafka_offset FROM rejected
              WHERE kafka_topic = 'stock-ticks')
        GROUP BY ALL
        """
    )
    assert rows
    for row in rows:
        assert row["first"] == 0, row
        assert row["n"] == row["offsets"] == row["last"] + 1, row
    return sum(row["n"] for row in rows)


def summed(stack: Stack, where: str, *options: str) -> dict[str, Any]:
    """How many trades there are under a condition, and a text that changes with any of them."""
    columns = "symbol, event_time, price, size, source, kafka_partition, kafka_offset"
    content = f"bit_xor(hash({columns}))::VARCHAR"
    text = f"SELECT count(*) AS n, {content} AS content FROM trades WHERE {where}"
    (row,) = stack.sql(text, *options)
    return row


def assert_data_outlive_destroy(stack: Stack) -> None:
    """Destroy the stack, which leaves the docker volumes that are kept, and bring it up on them."""
    kept = json.loads(stack.cli("snapshots", "--format", "json").out)[-1]
    then = ("--as-of", str(kept["snapshot_id"]))
    rows = summed(stack, "true", *then)
    assert rows["n"] == kept["total_rows"] > 0
    shown = stack.pulumi("stack", "output", "data", "--stack", stack.name).out
    assert shown.rstrip().endswith(stack.deletion)
    stack.destroy()
    assert stack.containers() == {}
    left = stack.leftovers()
    assert left
    assert all(one.startswith("volume ") for one in left)
    assert not any("secrets" in one for one in left)

    stack.up()
    stack.wait_until_well()
    assert summed(stack, "true", *then) == rows
    assert stack.count() > rows["n"]
    wait_until(stack.is_caught_up, 120, "the tables to hold the topic", every=1)
    assert_exactly_once(stack)


def logins_of_strangers(stack: Stack) -> dict[str, str]:
    """What came of default, anonymous and made-up logins at each server that asks for one."""
    return {
        **stack.tried("dashboard", break_ins.LOGINS_AT_THE_STORE),
        **stack.tried("dashboard", break_ins.LOGINS_AT_THE_CATALOG),
        **stack.tried("dashboard", break_ins.LOGINS_AT_THE_CONSOLE),
        **stack.tried("producer", break_ins.LOGINS_AT_KAFKA),
    }


def cannot(why: str) -> NoReturn:
    """End a test that this machine cannot run: as skipped, as failed where all is required."""
    if os.environ.get("TAPEHOUSE_REQUIRE"):
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The stack from `init` to `destroy`, whatever happens in between."""
    stack.init()
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy(check=False)
        if stack.config.get("lifecycle") == "retain":
            subprocess.run(stack.deletion, shell=True, check=False)
    assert stack.leftovers() == []
