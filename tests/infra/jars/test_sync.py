"""Fetching jars from a real local repository, through the real resolver."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog.errors import InstallError
from infra.jars import ALL, JarSet
from infra.jars.lock import lock
from infra.jars.sync import damaged, missing, sync
from infra.ports import any_free_port

NAMES = ("alpha", "beta")
POM = """<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>
<artifactId>{name}</artifactId><version>1.0</version></project>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def repository(tmp_path) -> Path:
    """A Maven repository with two jars, as files."""
    root = tmp_path / "repository"
    for name in NAMES:
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        for kind, content in (("jar", f"jar of {name}"), ("pom", POM.format(name=name))):
            path = folder / f"{name}-1.0.{kind}"
            path.write_text(content)
            # SHA-1 is what such repositories offer beside each file.
            sha1 = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
            Path(f"{path}.sha1").write_text(sha1)
    return root


@pytest.fixture
def served(repository):
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(repository))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def jars(tmp_path, served) -> JarSet:
    """A set with a lock for both jars, nothing fetched yet."""
    spec = tmp_path / "jgo.toml"
    coordinates = ", ".join(f'"org.example:{name}:1.0!"' for name in NAMES)
    spec.write_text(f"[dependencies]\ncoordinates = [{coordinates}]\n")
    one = JarSet("toys", spec, tmp_path / "lock.toml", tmp_path / "jars", {"here": served})
    assert lock(one, tmp_path / "cache") == 2
    return one


def test_what_the_lock_names_is_fetched_once(jars):
    assert missing(jars) == ["alpha-1.0.jar", "beta-1.0.jar"]
    assert sync(jars) == 2
    assert (jars.folder / "alpha-1.0.jar").read_text() == "jar of alpha"
    assert not missing(jars)
    assert sync(jars) == 0


def test_a_jar_with_another_sum_is_refused_by_name_and_not_installed(jars, repository):
    path = repository / "org" / "example" / "beta" / "1.0" / "beta-1.0.jar"
    path.write_text("something else")
    sha1 = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    Path(f"{path}.sha1").write_text(sha1)
    with pytest.raises(InstallError, match=r"beta-1\.0\.jar has SHA-256 .* was not installed"):
        sync(jars)
    assert missing(jars) == ["beta-1.0.jar"]
    assert [path.name for path in jars.folder.parent.glob(".fetch-*")] == []


def test_a_failed_fetch_can_be_repeated_and_goes_on(jars, repository):
    path = repository / "org" / "example" / "beta" / "1.0" / "beta-1.0.jar"
    away = path.rename(repository / "away")
    with pytest.raises(InstallError, match=r"beta-1\.0\.jar could not be fetched"):
        sync(jars)
    away.rename(path)
    assert sync(jars) == 1


def test_a_jar_that_was_damaged_later_is_found_and_fetched_again(jars):
    sync(jars)
    (jars.folder / "alpha-1.0.jar").write_text("bit rot")
    assert damaged(jars) == ["alpha-1.0.jar"]
    assert sync(jars) == 1
    assert not damaged(jars)


def test_a_jar_that_the_lock_does_not_name_is_removed(jars):
    sync(jars)
    (jars.folder / "gamma-0.9.jar").write_text("from an older version")
    sync(jars)
    assert not (jars.folder / "gamma-0.9.jar").exists()


def test_without_a_network_the_error_says_that_it_is_needed_once(jars):
    nowhere = {"here": f"http://127.0.0.1:{any_free_port()}"}
    alone = JarSet(jars.name, jars.spec, jars.lock, jars.folder, nowhere)
    with pytest.raises(InstallError, match=r"cannot be downloaded .*network once") as caught:
        sync(alone)
    assert caught.value.exit_code == 3
    assert not list(jars.folder.iterdir())


def test_a_folder_that_cannot_be_written_is_an_install_error(jars, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = JarSet(jars.name, jars.spec, jars.lock, tmp_path / "file" / "x", jars.repositories)
    with pytest.raises(InstallError, match="cannot be written"):
        sync(blocked)


@pytest.mark.parametrize("jars", ALL, ids=lambda jars: jars.name)
def test_our_locks_give_a_sum_for_every_jar_and_no_version_is_loose(jars):
    text = jars.lock.read_text()
    assert text.count("[[dependencies]]") == text.count("sha256 = ")
    assert "SNAPSHOT" not in text
    for coordinate in jars.spec.read_text().split('"')[1::2]:
        if coordinate.count(":") == 2:
            _, artifact, version = coordinate.rstrip("!").split(":")
            assert f'artifactId = "{artifact}"\nversion = "{version}"' in text


def test_the_broker_and_its_own_client_library_have_the_same_version():
    text = next(jars for jars in ALL if jars.name == "kafka").lock.read_text()
    for name in ("kafka_2.13", "kafka-clients", "kafka-server"):
        assert f'artifactId = "{name}"\nversion = "4.3.1"' in text
