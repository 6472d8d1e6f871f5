"""A real lake for tests: SeaweedFS as a child process, its store and catalog, our tables in it."""

import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import requests
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from catalog.client import connect
from catalog.schema import TABLES, TRADES
from catalog.settings import LakeSettings
from catalog.tables import ensure_tables, to_iceberg_schema

_PORTS = (
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
    "-s3.port",
    "-s3.port.grpc",
    "-s3.port.iceberg",
    "-s3.port.lance",
    "-webdav.port",
    "-admin.port",
    "-admin.port.grpc",
)
_READY_SECONDS = 30


@dataclass(frozen=True)
class Row:
    """One row of `trades` as a test writes it; times are microseconds since the epoch."""

    symbol: str
    event_time: int
    price: float
    size: float
    conditions: tuple[int, ...] | None = None
    kafka_partition: int = 0
    kafka_offset: int = 0
    received_at: int | None = None
    source: str = "test"


def to_arrow(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    """The rows as the table's own columns."""
    return pa.Table.from_pylist([_columns(row) for row in rows], schema=schema)


def trades_schema() -> pa.Schema:
    """The columns of `trades`, for tests without a lake."""
    return to_iceberg_schema(TRADES).as_arrow()


def _columns(row: Row) -> dict[str, object]:
    received_at = row.event_time if row.received_at is None else row.received_at
    values = {
        **row.__dict__,
        "event_time": _time(row.event_time),
        "received_at": _time(received_at),
        "kafka_time": _time(received_at),
        "conditions": None if row.conditions is None else list(row.conditions),
        "trade_value": row.price * row.size,
    }
    return {name: values[name] for name in TRADES.column_names}


def _time(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


class LocalLake:
    """A running store and catalog; `append` writes trades as Spark would, with rising offsets."""

    def __init__(self, settings: LakeSettings) -> None:
        self.settings = settings
        self.catalog: Catalog = connect(settings)
        ensure_tables(self.catalog)
        self._next_offset: dict[int, int] = {}

    def reset(self) -> None:
        """Make every table anew, empty."""
        for table in TABLES:
            self.catalog.drop_table(table.identifier)
        ensure_tables(self.catalog)
        self._next_offset.clear()

    @property
    def trades(self) -> Table:
        """The trades table, freshly loaded."""
        return self.catalog.load_table(TRADES.identifier)

    def append(self, rows: Sequence[Row]) -> int:
        """Commit the rows, their offsets set here; returns the new snapshot's id."""
        placed = [replace(row, kafka_offset=self._offset(row.kafka_partition)) for row in rows]
        table = self.trades
        table.append(to_arrow(placed, table.schema().as_arrow()))
        snapshot = table.current_snapshot()
        assert snapshot is not None
        return snapshot.snapshot_id

    def _offset(self, topic_partition: int) -> int:
        offset = self._next_offset.get(topic_partition, 0)
        self._next_offset[topic_partition] = offset + 1
        return offset


class SeaweedFS:
    """`weed mini` on loopback in its own folder; `start` after `stop` finds the same data again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._access_key = secrets.token_hex(8)
        self._secret_key = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> LakeSettings:
        """How to reach it, as the settings of every process say it."""
        catalog = f"http://127.0.0.1:{self._ports['-s3.port.iceberg']}"
        return LakeSettings.read(
            catalog_uri=catalog,
            warehouse="s3://lake",
            oauth2_uri=f"{catalog}/v1/oauth/tokens",
            credential=f"{self._access_key}:{self._secret_key}",
            store_endpoint=f"http://127.0.0.1:{self._ports['-s3.port']}",
            store_access_key=self._access_key,
            store_secret_key=self._secret_key,
        )

    def start(self) -> None:
        """Start it and wait until catalog and store answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "weed.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    _weed(),
                    "mini",
                    f"-dir={self.folder}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-admin.ui=false",
                    "-webdav=false",
                    "-master.telemetry=false",
                    "-tableBucket=lake",
                    *(f"{flag}={port}" for flag, port in self._ports.items()),
                ],
                env={
                    "AWS_ACCESS_KEY_ID": self._access_key,
                    "AWS_SECRET_ACCESS_KEY": self._secret_key,
                    "HOME": str(self.folder),
                    "GOMEMLIMIT": "512MiB",
                },
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def stop(self) -> None:
        """End it, by force where it does not end by itself."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        problem: Exception | None = None
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                requests.get(self.settings.store_endpoint, timeout=1)
                connect(self.settings).list_namespaces()
            except Exception as error:  # noqa: BLE001 - whatever it says, it is not ready yet
                problem = error
                time.sleep(0.1)
            else:
                return
        log = (self.folder / "weed.log").read_text(errors="replace")[-2000:]
        raise AssertionError(f"SeaweedFS did not start: {problem}\n{log}")


@contextmanager
def local_lake(folder: Path) -> Iterator[LocalLake]:
    """A fresh lake in `folder`, ended on the way out."""
    server = SeaweedFS(folder)
    server.start()
    try:
        yield LocalLake(server.settings)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _weed() -> str:
    return str(Path(sys.executable).parent / "weed")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, each different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
