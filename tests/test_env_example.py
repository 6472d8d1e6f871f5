"""Every setting that is a user's to make stands in `.env.example`, and nothing else does."""

import importlib
import re
from pathlib import Path

import pytest

from catalog.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGES = ("catalog", "ingest", "streaming", "serving")
for _package in PACKAGES:
    for _path in (ROOT / _package).rglob("settings.py"):
        importlib.import_module(".".join(_path.relative_to(ROOT).with_suffix("").parts))
GROUPS = [group for group in Settings.__subclasses__() if group.__module__.startswith(PACKAGES)]
FIELDS = {
    field.alias: field for group in GROUPS for field in group.model_fields.values() if field.alias
}
# What the local run and the stack settle for the processes that they start.
INTERNAL = {
    "TAPEHOUSE_CHECKPOINT_DIR",
    "TAPEHOUSE_CONSOLE_HOST",
    "TAPEHOUSE_CONSOLE_PORT",
    "TAPEHOUSE_CONSOLE_TOKEN",
    "TAPEHOUSE_CONSOLE_URL",
    "TAPEHOUSE_DASHBOARD_DIR",
    "TAPEHOUSE_FEED_SOURCE",
    "TAPEHOUSE_HEALTH_FILE",
    "TAPEHOUSE_KEEPER_HOST",
    "TAPEHOUSE_KEEPER_PORT",
    "TAPEHOUSE_KEEPER_TOKEN",
    "TAPEHOUSE_SPARK_BLOCK_PORT",
    "TAPEHOUSE_SPARK_DRIVER_BIND",
    "TAPEHOUSE_SPARK_DRIVER_HOST",
    "TAPEHOUSE_SPARK_DRIVER_PORT",
    "TAPEHOUSE_SPARK_EXECUTOR_MEMORY",
    "TAPEHOUSE_SPARK_JARS",
    "TAPEHOUSE_SPARK_SECRET",
}


def _told() -> dict[str, str]:
    """The variables of `.env.example` with the values that it shows."""
    lines = re.findall(
        r"^#?([A-Z][A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE
    )
    assert len(lines) == len(dict(lines)), "a variable stands there twice"
    return dict(lines)


def test_the_example_tells_of_every_setting_and_of_no_other():
    assert set(_told()) == FIELDS.keys() - INTERNAL
    assert FIELDS.keys() >= INTERNAL


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - INTERNAL))
def test_the_example_shows_the_default(name):
    field = FIELDS[name]
    secret = getattr(field.default, "get_secret_value", None)
    default = secret() if secret else field.default
    shown = _told()[name]
    if isinstance(default, tuple):
        assert tuple(shown.split(",")) == default
    elif isinstance(default, int | float):
        assert float(shown) == default
    else:
        assert shown == ("" if default is None else default)


def test_the_settings_of_the_readme_are_some_of_the_examples():
    table = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert table
    assert set(table) <= set(_told())
