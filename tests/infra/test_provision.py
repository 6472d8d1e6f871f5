import json
import os
import stat

import pytest

from infra import provision

RECORDING = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
case "$*" in
  "config get secret"*) exit "${HAS_SECRET:-1}" ;;
  "config set --secret"*) cat >> "$LOG.given" ;;
  up*) env > "$LOG.env"; exit "${UP_CODE:-0}" ;;
esac
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A `pulumi` and a `docker` that write down how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("pulumi", RECORDING), ("docker", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    for name in ("PULUMI_BACKEND_URL", *provision._PASSPHRASES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(provision, "FOLDER", tmp_path / "home")
    return tmp_path


def calls(tools):
    return (tools / "log").read_text().splitlines()


def test_up_makes_the_state_the_passphrase_the_stack_and_its_secret(tools):
    assert provision.main(["up"]) == 0
    assert calls(tools) == [
        "stack select --create dev",
        "config get secret --stack dev",
        "config set --secret secret --stack dev",
        "up --yes --skip-preview --stack dev",
    ]
    secret = (tools / "log.given").read_text()
    assert len(secret) == 64
    environment = (tools / "log.env").read_text()
    home = tools / "home"
    assert f"PULUMI_BACKEND_URL=file://{home}/state" in environment
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={home}/passphrase" in environment
    assert secret not in environment
    assert stat.S_IMODE((home / "passphrase").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_second_up_keeps_the_secret_and_the_passphrase(tools, monkeypatch):
    provision.main(["up"])
    passphrase = (tools / "home" / "passphrase").read_text()
    monkeypatch.setenv("HAS_SECRET", "0")
    (tools / "log").unlink()
    provision.main(["up", "--stack", "other", "--refresh"])
    assert not [call for call in calls(tools) if call.startswith("config set")]
    assert calls(tools)[-1] == "up --yes --skip-preview --stack other --refresh"
    assert (tools / "home" / "passphrase").read_text() == passphrase


def test_a_state_and_a_passphrase_of_ones_own_are_left_alone(tools, monkeypatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///elsewhere")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    provision.main(["up"])
    environment = (tools / "log.env").read_text()
    assert "PULUMI_BACKEND_URL=file:///elsewhere" in environment
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment
    assert not (tools / "home").exists()


def test_a_failed_up_is_a_failure_of_make(tools, monkeypatch):
    monkeypatch.setenv("UP_CODE", "255")
    assert provision.main(["up"]) == 255


def test_down_destroys_and_takes_the_images_stages_away_too(tools, monkeypatch):
    said = tools / "docker.log"
    docker = tools / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {json.dumps(str(said))}\n')
    assert provision.main(["down"]) == 0
    assert calls(tools)[-1] == "destroy --yes --skip-preview --stack dev"
    assert said.read_text().split() == [
        *("image", "prune", "--force", "--filter", "label=dev.tapehouse.image")
    ]


def test_config_is_pulumis_for_the_stack_even_before_the_first_up(tools):
    arguments = ["config", "--stack", "other", "set", "--secret", "--path", "externalBroker.x", "1"]
    assert provision.main(arguments) == 0
    assert calls(tools) == [
        "stack select --create other",
        "config set --secret --path externalBroker.x 1 --stack other",
    ]


def test_without_pulumi_or_docker_it_says_what_is_missing(tools, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert provision.main(["up"]) == 3
    assert "There is no `docker` on the PATH" in capsys.readouterr().err
