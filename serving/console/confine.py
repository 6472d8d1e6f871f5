"""What the operating system holds a process to that runs somebody's SQL: limits, files, ports.

Limits hold on every system that has them. Landlock is Linux's way for a process without privileges
to give up files (5.13 and later) and TCP ports (6.7); where it is missing, nothing is held by it,
and the answer says so.
"""

import ctypes
import os
import resource
import struct
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_MEBIBYTE = 1024 * 1024
# Python, DuckDB with its extensions, Arrow and their threads, beside what DuckDB counts itself.
_OWN_MEMORY = 768 * _MEBIBYTE
_OPEN_FILES = 256
_LEAST_URGENT = 5
_FIRST_ENDED = Path("/proc/self/oom_score_adj")

_SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 4, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH, _NET_PORT = 1, 2
_FILES_ABI, _PORTS_ABI, _SCOPES_ABI = 1, 4, 6
_READ_FILE, _READ_DIR, _CONNECT = 1 << 2, 1 << 3, 1 << 1
_WRITE_FILE = 1 << 1
# Every right to files that a version of Landlock knows, by version.
_ALL_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_ALL_PORT_RIGHTS, _ALL_SCOPES = 0b11, 0b11

# Beside Python itself: what a program needs for names of hosts, certificates and the time, and the
# bounds of its own container, without which DuckDB does not start.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/dev/urandom",
    "/proc/self/cgroup",
    "/sys/fs/cgroup",
)


def limit(memory_bytes: int) -> None:
    """No file is written, no core left, no more memory taken; others on the machine go first.

    Where memory runs out all the same, for the container or the machine, this is what is ended.
    """
    most = memory_bytes + _OWN_MEMORY
    with suppress(OSError):
        _FIRST_ENDED.write_text("1000")
    for kind, amount in (
        (resource.RLIMIT_DATA, most),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _lower(kind, amount)
    os.nice(_LEAST_URGENT)


def limit_processor(seconds: float) -> None:
    """End this process, by the system, after so many more seconds of processor time."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(spent.ru_utime + spent.ru_stime + seconds) + 1)


def give_up(ports: Iterable[int]) -> list[str]:
    """From here on: read Python's files only, connect to these TCP ports only; for good.

    Returns what is held: `files`, `ports`. Threads that run already keep their rights, so this
    comes before them.
    """
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    # Nobody of the same user looks into this process's memory or environment.
    libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    version = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if version < _FILES_ABI:
        return []
    ruleset = _ruleset(libc, version)
    try:
        _allow_files(libc, ruleset)
        if version >= _PORTS_ABI:
            for port in ports:
                _rule(libc, ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT, port))
        _call(libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _call(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return ["files", "ports"] if version >= _PORTS_ABI else ["files"]


def _ruleset(libc: ctypes.CDLL, version: int) -> int:
    handled = struct.pack("=Q", _ALL_FILE_RIGHTS[min(version, max(_ALL_FILE_RIGHTS))])
    if version >= _PORTS_ABI:
        handled += struct.pack("=Q", _ALL_PORT_RIGHTS)
    if version >= _SCOPES_ABI:
        handled += struct.pack("=Q", _ALL_SCOPES)
    return _call(libc.syscall(_CREATE_RULESET, handled, len(handled), 0))


def _allow_files(libc: ctypes.CDLL, ruleset: int) -> None:
    python = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for name in sorted({*python, *_SYSTEM, str(Path(sys.base_prefix) / "lib")}):
        _allow(libc, ruleset, name, _READ_FILE | _READ_DIR)
    _allow(libc, ruleset, os.devnull, _READ_FILE | _WRITE_FILE)


def _allow(libc: ctypes.CDLL, ruleset: int, name: str, rights: int) -> None:
    try:
        place = os.open(name, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not Path(name).is_dir():
            rights &= ~_READ_DIR
        _rule(libc, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place))
    finally:
        os.close(place)


def _rule(libc: ctypes.CDLL, ruleset: int, kind: int, rule: bytes) -> None:
    _call(libc.syscall(_ADD_RULE, ruleset, kind, rule, 0))


def _call(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _lower(kind: int, amount: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (most, most))
