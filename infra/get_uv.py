"""Gets the installer, uv, in the version and with the sums of uv.lock. Standard library only.

First choice is a uv of that version on PATH, then pip, which knows the user's mirrors; a bare
Debian Python has no pip, so last comes the wheel itself.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from catalog.errors import InstallError

_CHUNK_BYTES = 1 << 18


def ensure_uv(lock: Path, folder: Path) -> str:
    """The uv to use; one that had to be fetched stays in `folder`. Raises InstallError."""
    package = locked_uv(lock)
    version: str = package["version"]
    kept = folder / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(kept)):
        if candidate and uv_version(candidate) == version:
            return candidate
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"  getting uv {version}\n")
    if importlib.util.find_spec("pip") and install_with_pip(package, folder):
        return str(kept)
    unpack(download(choose_wheel(package["wheels"], *this_platform())), kept)
    return str(kept)


def locked_uv(lock: Path) -> dict[str, Any]:
    """The entry of uv itself in uv.lock."""
    packages: list[dict[str, Any]] = tomllib.loads(lock.read_text())["package"]
    return next(package for package in packages if package["name"] == "uv")


def uv_version(command: str) -> str | None:
    """What a uv says it is; None when it does not run."""
    try:
        answer = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"uv (\S+)", answer.stdout)
    return match[1] if match else None


def install_with_pip(package: dict[str, Any], folder: Path) -> bool:
    """Install the locked version, its sums enforced; False when pip could not."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "uv.txt"
        sums = " ".join(f"--hash={wheel['hash']}" for wheel in package["wheels"])
        wanted.write_text(f"uv=={package['version']} {sums}\n")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        options += ["--only-binary=:all:", "--upgrade", "--target", str(folder), "-r", str(wanted)]
        done = subprocess.run([sys.executable, "-m", "pip", "install", *options], check=False)
    return done.returncode == 0 and (folder / "bin" / "uv").exists()


def this_platform() -> tuple[str, str]:
    """Wheel tags: the system's family with its C library, and the processor."""
    machine = {"AMD64": "x86_64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    if sys.platform == "darwin":
        return "macosx", machine
    return ("manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"), machine


def choose_wheel(wheels: list[dict[str, Any]], family: str, machine: str) -> dict[str, Any]:
    """The first wheel for the platform. Raises InstallError when there is none."""
    for wheel in wheels:
        name = wheel["url"].rsplit("/", 1)[1]
        if family in name and name.endswith(f"_{machine}.whl"):
            return wheel
    raise InstallError(
        f"uv.lock names no uv for {family} on {machine}. Install uv yourself, put it on PATH, then"
        " run `make setup` again."
    )


def download(wheel: dict[str, Any]) -> bytes:
    """The wheel's bytes, their sum checked. Raises InstallError."""
    name = wheel["url"].rsplit("/", 1)[1]
    try:
        with urllib.request.urlopen(wheel["url"], timeout=60) as answer:  # noqa: S310 - from uv.lock
            data = _read_with_progress(answer, name, int(answer.headers["Content-Length"] or 0))
    except (urllib.error.URLError, OSError) as error:
        raise InstallError(
            f"{name} cannot be downloaded ({getattr(error, 'reason', error)}). Setup needs the"
            " network once (HTTPS_PROXY counts). Then run `make setup` again."
        ) from error
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != wheel["hash"]:
        raise InstallError(
            f"{name} has {found}, uv.lock says {wheel['hash']}: it was not installed. Run"
            " `make setup` again; if it stays so, something on the way changes downloads."
        )
    return data


def unpack(wheel: bytes, target: Path) -> None:
    """Put the wheel's `uv` program at `target`, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = Path(scratch) / "uv.whl"
        archive.write_bytes(wheel)
        with zipfile.ZipFile(archive) as files:
            inside = next(name for name in files.namelist() if name.endswith("/scripts/uv"))
            program = Path(files.extract(inside, scratch))
        program.chmod(0o755)
        program.replace(target)


def _read_with_progress(answer: Any, name: str, size: int) -> bytes:
    data, shows = bytearray(), os.isatty(2)
    while chunk := answer.read(_CHUNK_BYTES):
        data += chunk
        if shows:
            _say(f"\r  {name}: {len(data) / 1e6:.1f} of {size / 1e6:.1f} MB")
    _say("\n" if shows else f"  {name}: {len(data) / 1e6:.1f} MB\n")
    return bytes(data)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
