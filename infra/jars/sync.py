"""Fetches the jars that a lock names, each checked against its SHA-256 before it gets its name."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests
from jgo.env import LockFile
from jgo.env._lockfile import LockedDependency
from jgo.maven import MavenContext, PythonResolver
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Column

from catalog.errors import InstallError
from infra.jars import JarSet

_CHUNK_BYTES = 1 << 20


def missing(jars: JarSet) -> list[str]:
    """File names that the lock lists and the folder lacks; quick, it looks at names alone."""
    return [file for file in map(_file_name, _locked(jars)) if not (jars.folder / file).is_file()]


def damaged(jars: JarSet) -> list[str]:
    """File names present whose SHA-256 is not the lock's. Reads every jar."""
    present = {jars.folder / _file_name(jar): jar.sha256 for jar in _locked(jars)}
    return [p.name for p, sum_ in present.items() if p.is_file() and _sha256(p) != sum_]


def sync(jars: JarSet) -> int:
    """Make the folder hold exactly the lock's jars; returns how many were fetched.

    A jar gets its name only once its sum was right, so an interrupted run leaves nothing
    half-made and can be repeated. Raises InstallError: no network, a wrong sum, a full disk.
    """
    try:
        jars.folder.mkdir(parents=True, exist_ok=True)
        for file in damaged(jars):
            (jars.folder / file).unlink()
        wanted = set(missing(jars))
        if wanted:
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=jars.folder.parent) as scratch:
                _fetch_all(jars, wanted, Path(scratch))
        _remove_strangers(jars)
    except requests.RequestException as error:
        raise _unreachable(jars, error) from error
    except OSError as error:
        raise InstallError(
            f"The {jars.name} jars cannot be written to {jars.folder}: {error.strerror}. Free some"
            " space there (about 200 MB is needed in all) and run `make setup` again."
        ) from error
    return len(wanted)


def _fetch_all(jars: JarSet, wanted: set[str], scratch: Path) -> None:
    with Progress(
        TextColumn("  {task.description:<48}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=10),
        DownloadColumn(table_column=Column(no_wrap=True)),
    ) as progress:
        resolver = PythonResolver(progress_callback=_bar(progress))
        context = MavenContext(
            resolver=resolver,
            repo_cache=scratch,
            remote_repos=dict(jars.repositories) if jars.repositories else None,
            timeout=60,
        )
        for jar in _locked(jars):
            if _file_name(jar) in wanted:
                _fetch(jar, context, jars.folder)


def _fetch(jar: LockedDependency, context: MavenContext, target: Path) -> None:
    component = context.project(jar.groupId, jar.artifactId).at_version(jar.version)
    try:
        path = component.artifact(jar.classifier or "", jar.packaging).resolve()
    except RuntimeError as error:
        raise InstallError(
            f"{_file_name(jar)} could not be fetched ({error}). Check the network, then run"
            " `make setup` again."
        ) from error
    found = _sha256(path)
    if found != jar.sha256:
        raise InstallError(
            f"{_file_name(jar)} has SHA-256 {found}, its lock says {jar.sha256}: it is not the jar"
            " this version was tested with, and was not installed. Run `make setup` again; if it"
            " stays so, something between here and the jar's repository changes downloads."
        )
    path.replace(target / _file_name(jar))


def _remove_strangers(jars: JarSet) -> None:
    known = {_file_name(jar) for jar in _locked(jars)}
    for path in jars.folder.glob("*.jar"):
        if path.name not in known:
            path.unlink()


def _locked(jars: JarSet) -> list[LockedDependency]:
    return LockFile.load(jars.lock).dependencies


def _file_name(jar: LockedDependency) -> str:
    classifier = f"-{jar.classifier}" if jar.classifier else ""
    return f"{jar.artifactId}-{jar.version}{classifier}.{jar.packaging}"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _unreachable(jars: JarSet, error: Exception) -> InstallError:
    return InstallError(
        f"The {jars.name} jars cannot be downloaded ({type(error).__name__}). Setup needs the"
        " network once (HTTPS_PROXY counts); what is here is kept. Then run `make setup` again."
    )


def _bar(progress: Progress) -> Callable[[str, int], AbstractContextManager[Callable[[int], None]]]:
    @contextmanager
    def of_one(filename: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        task = progress.add_task(filename, total=size_bytes)
        yield lambda count: progress.advance(task, count)

    return of_one
