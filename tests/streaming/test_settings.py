from pathlib import Path

import pytest

from catalog.errors import SettingsError
from streaming.settings import StreamingSettings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    for field in StreamingSettings.model_fields.values():
        monkeypatch.delenv(field.alias, raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_run_on_loopback_with_a_trigger_of_two_seconds():
    settings = StreamingSettings.read()
    assert settings.master == "local[2]"
    assert settings.trigger_seconds == 2
    assert settings.driver_host == settings.driver_bind == settings.keeper_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAPEHOUSE_TRIGGER_SECONDS", "0.5"),
        ("TAPEHOUSE_TRIGGER_SECONDS", "61"),
        ("TAPEHOUSE_TRIGGER_SECONDS", "soon"),
        ("TAPEHOUSE_SPARK_MEMORY", "lots"),
        ("TAPEHOUSE_MAX_OFFSETS", "0"),
        ("TAPEHOUSE_KEEPER_PORT", "70000"),
        ("TAPEHOUSE_SNAPSHOT_LADDER", "10m"),
        ("TAPEHOUSE_SNAPSHOT_LADDER", "10m:1m"),
    ],
)
def test_a_setting_out_of_range_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        StreamingSettings.read()


def test_the_keeper_s_token_does_not_show(monkeypatch):
    monkeypatch.setenv("TAPEHOUSE_KEEPER_TOKEN", "canary-token")
    assert "canary-token" not in repr(StreamingSettings.read())


def test_folders_are_paths(monkeypatch):
    monkeypatch.setenv("TAPEHOUSE_CHECKPOINT_DIR", "/somewhere/checkpoint")
    assert StreamingSettings.read().checkpoint == Path("/somewhere/checkpoint")
