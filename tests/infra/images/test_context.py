"""Build contexts: exactly what an image needs, and a hash that moves with nothing else."""

import ast
import shutil
from pathlib import Path, PurePosixPath

import pytest

from infra.images import TARGETS, BuildContext, build_context, context
from infra.paths import ROOT

OURS = ("catalog", "ingest", "streaming", "serving", "infra")


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """The repository's sources in a folder of their own, for contexts to be made from."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for package in OURS:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    monkeypatch.setattr(context, "ROOT", tmp_path)
    return tmp_path


def digests() -> dict[str, str]:
    return {target: build_context(target).digest for target in TARGETS}


def changed(before: dict[str, str]) -> set[str]:
    after = digests()
    return {target for target in TARGETS if before[target] != after[target]}


@pytest.mark.parametrize(
    ("path", "images"),
    [
        ("serving/charts.py", {"serving"}),
        ("serving/pages/market.py", {"serving"}),
        ("serving/console/gate.py", {"console", "serving"}),
        ("serving/bars.py", {"console", "serving"}),
        ("ingest/producer.py", {"ingest", "setup"}),
        ("streaming/job.py", {"streaming"}),
        ("catalog/trade.py", {"ingest", "setup", "console", "serving", "streaming"}),
        ("infra/jars/kafka/jgo.lock.toml", {"kafka"}),
        ("infra/stack.py", set()),
    ],
)
def test_a_changed_file_makes_new_images_of_those_that_hold_it(copy, path, images):
    before = digests()
    with (copy / path).open("a") as file:
        file.write("\n# changed\n")
    assert changed(before) == images


def test_what_tools_leave_behind_changes_nothing(copy):
    before = digests()
    (copy / "serving" / "__pycache__").mkdir()
    (copy / "serving" / "__pycache__" / "charts.pyc").write_text("x")
    (copy / "serving" / ".charts.py.swp").write_text("x")
    (copy / "serving" / "charts.py~").write_text("x")
    assert changed(before) == set()


def test_hidden_settings_of_the_page_come_along():
    assert "serving/.streamlit/config.toml" in build_context("serving").files


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_holds_every_module_of_ours_that_its_modules_import(target):
    files = build_context(target).files
    # What only the build runs is complete by itself or the build fails.
    modules = [path for path in files if path.endswith(".py") and "images/" not in path]
    for path in modules:
        for node in imports(ast.parse(files[path])):
            for alias in node.names:
                assert holds(files, f"{node.module}.{alias.name}", node.module), (
                    f"{target}: {path} imports {node.module}"
                )


def imports(tree: ast.Module) -> list[ast.ImportFrom]:
    """Those of our modules, but for what only a type checker follows."""
    checked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node not in checked
        and (node.module or "").split(".")[0] in OURS
    ]


def holds(files, name: str, module: str) -> bool:
    places = [f"{part.replace('.', '/')}{end}" for part in (name, module) for end in ENDS]
    return any(place in files for place in places)


ENDS = (".py", "/__init__.py")


def test_an_argument_replaces_the_default_and_moves_the_hash():
    usual = build_context("kafka")
    other = build_context("kafka", {"BASE_IMAGE": "other:1", "STORE_IMAGE": "store:1"})
    assert other.build_args == {"BASE_IMAGE": "other:1"}
    assert other.digest != usual.digest
    assert build_context("kafka", {"BASE_IMAGE": "", "STORE_IMAGE": "store:1"}) == usual


def test_the_networks_certificates_come_along(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ours.crt").write_text("a certificate")
    (tmp_path / "ours.key").write_text("not one")
    without, folder = build_context("proxy", certificates=tmp_path / "none"), PurePosixPath()
    found = build_context("proxy", certificates=tmp_path)
    folder = PurePosixPath("infra/images/certificates")
    assert set(found.files) - set(without.files) == {str(folder / "ours.crt")}
    assert found.digest != without.digest


def test_writing_makes_the_folder_hold_exactly_the_context(tmp_path):
    folder = tmp_path / "made"
    BuildContext("x", {"a/b": b"1", "c": b"2", "d": b"3"}, {}).write(folder)
    (folder / "c").write_text("spoilt")
    (folder / "stray").mkdir()
    (folder / "stray" / "file").write_text("x")
    BuildContext("x", {"a/b": b"1", "c": b"2", "d/e": b"3"}, {}).write(folder)
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == {"a/b": b"1", "c": b"2", "d/e": b"3"}
    assert not (folder / "stray").exists()


def test_modes_do_not_depend_on_who_writes(tmp_path):
    folder = BuildContext("x", {"a/b": b"1"}, {}).write(tmp_path / "made")
    (folder / "a" / "b").chmod(0o700)
    (folder / "a").chmod(0o700)
    BuildContext("x", {"a/b": b"1"}, {}).write(folder)
    assert (folder / "a" / "b").stat().st_mode & 0o777 == 0o644
    assert (folder / "a").stat().st_mode & 0o777 == 0o755


def test_a_path_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(context, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="which is not there"):
        build_context("kafka", certificates=tmp_path)
