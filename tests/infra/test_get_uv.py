import functools
import hashlib
import io
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from catalog.errors import InstallError
from infra.get_uv import choose_wheel, download, ensure_uv, locked_uv, unpack, uv_version
from infra.paths import UV_LOCK
from infra.ports import any_free_port


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def wheels():
    return locked_uv(UV_LOCK)["wheels"]


@pytest.fixture
def wheel_bytes() -> bytes:
    """A wheel with a program that says it is uv 9.9.9."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("uv-9.9.9.data/scripts/uv", "#!/bin/sh\necho uv 9.9.9\n")
        archive.writestr("uv-9.9.9.data/scripts/uvx", "#!/bin/sh\n")
    return buffer.getvalue()


@pytest.fixture
def served(tmp_path, wheel_bytes):
    """The wheel's entry as uv.lock would have it, served from here."""
    (tmp_path / "uv-9.9.9-py3-none-any.whl").write_bytes(wheel_bytes)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield {
            "url": f"http://127.0.0.1:{server.server_address[1]}/uv-9.9.9-py3-none-any.whl",
            "hash": f"sha256:{hashlib.sha256(wheel_bytes).hexdigest()}",
        }
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("family", "machine", "expected"),
    [
        ("manylinux", "x86_64", "manylinux_2_17_x86_64"),
        ("manylinux", "aarch64", "manylinux"),
        ("musllinux", "x86_64", "musllinux_1_1_x86_64"),
        ("macosx", "arm64", "macosx_11_0_arm64"),
        ("macosx", "x86_64", "macosx_10_12_x86_64"),
    ],
)
def test_the_lock_names_a_uv_for_every_usual_machine(wheels, family, machine, expected):
    name = choose_wheel(wheels, family, machine)["url"].rsplit("/", 1)[1]
    assert expected in name
    assert name.endswith(f"_{machine}.whl")


def test_a_machine_without_a_uv_is_told_to_bring_its_own(wheels):
    with pytest.raises(InstallError, match="put it on PATH"):
        choose_wheel(wheels, "manylinux", "z80")


def test_the_program_is_fetched_checked_and_runs(served, tmp_path):
    target = tmp_path / "tools" / "bin" / "uv"
    unpack(download(served), target)
    assert uv_version(str(target)) == "9.9.9"
    assert [path.name for path in target.parent.iterdir()] == ["uv"]


def test_a_wheel_with_another_sum_is_refused(served):
    with pytest.raises(InstallError, match=r"uv-9\.9\.9.*was not installed"):
        download(served | {"hash": "sha256:" + "0" * 64})


def test_without_a_network_the_error_says_what_to_do():
    url = f"http://127.0.0.1:{any_free_port()}/uv-9.9.9-py3-none-any.whl"
    with pytest.raises(InstallError, match=r"cannot be downloaded .*make setup"):
        download({"url": url, "hash": "sha256:0"})


def test_a_uv_of_the_locked_version_on_the_path_is_used(tmp_path, monkeypatch):
    version = locked_uv(UV_LOCK)["version"]
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\necho 'uv {version} (made up)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ensure_uv(UV_LOCK, tmp_path / "tools") == str(program)
    assert not (tmp_path / "tools").exists()


def test_a_uv_of_another_version_is_not_used(tmp_path):
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\necho uv 0.0.1\n")
    program.chmod(0o755)
    assert uv_version(str(program)) == "0.0.1"
    assert uv_version(str(tmp_path / "none")) is None


def test_it_needs_nothing_but_the_standard_library():
    code = "import infra.get_uv, infra.java, sys; print(*(n for n in sys.modules if '.' not in n))"
    answer = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=UV_LOCK.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    foreign = {
        name
        for name in answer.stdout.split()
        if name not in sys.stdlib_module_names and name not in {"infra", "catalog", "__main__"}
    }
    assert not foreign
