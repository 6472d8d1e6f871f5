"""What the layout promises: one arrow of imports, no shadowing names, heavy modules kept apart."""

import ast
import importlib.util
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PACKAGES = ("catalog", "ingest", "streaming", "serving", "infra")
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "node_modules" not in str(path)
)


def test_there_is_one_arrow_of_imports(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_imported_name_resolves_inside_the_repository(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            if module.split(".")[0] not in PACKAGES:
                continue
            spec = importlib.util.find_spec(module)
            assert spec is not None
            assert spec.origin is not None
            assert Path(spec.origin).is_relative_to(ROOT), f"{module} is not ours: {spec.origin}"


def test_no_module_is_named_like_another_library():
    taken = set(sys.stdlib_module_names) | set(packages_distributions()) | set(PACKAGES)
    ours = {path.stem for path in MODULES} - {"__init__", "__main__"}
    # `python -m` puts a module's folder first on the path only when it is run by its path; then a
    # module named like a library would hide the real one.
    assert not ours & taken


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("catalog.trade", {"pyiceberg", "pyarrow", "confluent_kafka", "pyspark", "duckdb"}),
        ("ingest.finnhub", {"confluent_kafka", "websocket", "websockets", "pyspark", "pyiceberg"}),
        ("serving", {"duckdb", "streamlit", "plotly", "pyarrow"}),
        ("infra.cli", {"pyspark", "duckdb", "streamlit", "pyiceberg", "pyarrow", "pulumi"}),
    ],
)
def test_heavy_modules_are_imported_only_by_what_needs_them(module, heavy):
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not heavy & {name.split(".")[0] for name in done.stdout.split()}


def test_nothing_names_a_registry_host_or_a_path_of_one_machine():
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("maven", "org"), ("npmjs", "org"))]
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    offenders = [
        name
        for name in tracked
        if name != "uv.lock"
        and (ROOT / name).suffix in {".py", ".md", ".toml", ".json", ".yaml", ""}
        for host in hosts
        if host in (ROOT / name).read_text(errors="replace")
    ]
    assert offenders == []
