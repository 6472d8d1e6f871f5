"""SeaweedFS with the stack's users: the writer writes, the reader reads, others stay outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import requests
from pyarrow.fs import FileSelector, S3FileSystem

from catalog.client import connect
from catalog.errors import TapehouseError
from catalog.schema import TRADES
from catalog.settings import LakeSettings
from infra import lake_services
from infra.config import StackSettings, StoreKind
from infra.container_site import SEAWEEDFS_PORTS, container_site
from infra.health import PortCheck
from infra.jobs.store_users import CATALOG, CONSOLE, READER, ROOT, WRITER
from infra.paths import executable
from serving import Lake
from tests.support.local_lake import LocalLake, Row, free_ports
from tests.support.servers import running

pytestmark = pytest.mark.integration

KEYS = {user: f"secret-key-of-{user}" for user in (ROOT, CATALOG, WRITER, READER, CONSOLE)}


@dataclass(frozen=True)
class Store:
    s3: str
    catalog: str

    def settings(self, user: str, key: str | None = None) -> LakeSettings:
        key = KEYS[user] if key is None else key
        return LakeSettings(
            TAPEHOUSE_CATALOG_URI=self.catalog,
            TAPEHOUSE_CATALOG_OAUTH2_URI=f"{self.catalog}/v1/oauth/tokens",
            TAPEHOUSE_CATALOG_CREDENTIAL=f"{user}:{key}",
            TAPEHOUSE_STORE_ENDPOINT=self.s3,
            TAPEHOUSE_STORE_ACCESS_KEY=user,
            TAPEHOUSE_STORE_SECRET_KEY=key,
        )

    def files(self, user: str) -> S3FileSystem:
        address = self.s3.removeprefix("http://")
        return S3FileSystem(
            access_key=user, secret_key=KEYS[user], endpoint_override=address, scheme="http"
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("seaweedfs-users")
    ports = dict(zip(SEAWEEDFS_PORTS, free_ports(len(SEAWEEDFS_PORTS)), strict=True))
    site = replace(
        container_site(StackSettings(store=StoreKind.SEAWEEDFS)),
        weed=str(executable("weed")),
        data=folder,
        files=folder / "files",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lake_services, "SEAWEEDFS_PORTS", ports)
        patched.setattr(lake_services, "DELIVERED", folder / "files")
        described = lake_services.seaweedfs(site, KEYS)
    # Without what passes its two ports on: here its own are the ones to ask.
    command = described.command[described.command.index("--") + 1 :]
    check = PortCheck(f"127.0.0.1:{ports['store.catalog']}")
    with running(replace(described, command=command, health=check), folder):
        addresses = (f"http://127.0.0.1:{ports[name]}" for name in ("store.s3", "store.catalog"))
        one = Store(*addresses)
        done = set_up(one)
        assert done.returncode == 0, done.stderr
        yield one


def set_up(store: Store) -> subprocess.CompletedProcess[str]:
    """The stack's own job, as its container runs it."""
    variables = {
        "TAPEHOUSE_SETUP_STORE": "seaweedfs",
        "TAPEHOUSE_SETUP_ENDPOINT": store.s3,
        "TAPEHOUSE_SETUP_BUCKET": "lake",
        "TAPEHOUSE_SETUP_ROOT_KEY": KEYS[ROOT],
        "TAPEHOUSE_SETUP_CATALOG_KEY": KEYS[CATALOG],
        "TAPEHOUSE_SETUP_WRITER_KEY": KEYS[WRITER],
        "TAPEHOUSE_SETUP_READER_KEY": KEYS[READER],
        "TAPEHOUSE_SETUP_CONSOLE_KEY": KEYS[CONSOLE],
    }
    return subprocess.run(
        [sys.executable, "-m", "infra.jobs.store"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def written(store: Store) -> LocalLake:
    lake = LocalLake(store.settings(WRITER))
    lake.append([Row("AAPL", 1_700_000_000_000_000, 1.0, 2.0)])
    return lake


def test_the_job_may_be_run_again(store: Store) -> None:
    assert set_up(store).returncode == 0


@pytest.mark.parametrize("user", [READER, CONSOLE])
def test_who_reads_reads_what_the_writer_wrote(store: Store, written: LocalLake, user: str) -> None:
    table = connect(store.settings(user)).load_table(TRADES.identifier)
    assert table.scan().to_arrow().num_rows == 1
    with Lake.open(store.settings(user)) as lake:
        assert lake.sql("SELECT count(*) AS n FROM trades").to_pylist() == [{"n": 1}]


@pytest.mark.parametrize("user", [READER, CONSOLE])
def test_who_reads_cannot_write(store: Store, written: LocalLake, user: str) -> None:
    catalog = connect(store.settings(user))
    table = catalog.load_table(TRADES.identifier)
    before = table.metadata_location
    with pytest.raises(Exception):  # noqa: B017, PT011 (the store answers with many kinds)
        table.append(table.scan().to_arrow())
    with pytest.raises(Exception):  # noqa: B017, PT011
        catalog.drop_table(TRADES.identifier)
    with pytest.raises(Exception):  # noqa: B017, PT011
        catalog.create_namespace("intruders")
    with (
        pytest.raises(OSError, match=r"ACCESS_DENIED|denied"),
        store.files(user).open_output_stream("lake/intruder") as out,
    ):
        out.write(b"x")
    assert written.trades.metadata_location == before


def test_the_writer_reaches_no_other_bucket(store: Store) -> None:
    with pytest.raises(OSError, match=r"ACCESS_DENIED|denied"):
        store.files(WRITER).get_file_info(FileSelector("other"))


@pytest.mark.parametrize(
    ("user", "key"), [(WRITER, "wrong"), (READER, KEYS[WRITER]), ("admin", "admin"), ("any", "any")]
)
def test_other_logins_are_refused(store: Store, user: str, key: str) -> None:
    with pytest.raises(TapehouseError):
        connect(store.settings(user, key))


def test_nobody_comes_in_without_a_name(store: Store) -> None:
    assert requests.get(f"{store.s3}/lake", timeout=10).status_code == 403
    assert requests.get(f"{store.catalog}/v1/namespaces", timeout=10).status_code in {401, 403}
