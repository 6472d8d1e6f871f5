import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from catalog.errors import SettingsError
from catalog.settings import DEFAULT_SYMBOLS, FeedSettings
from infra.config import Lifecycle, StackSettings, StoreKind
from infra.health import Running
from infra.paths import ROOT
from infra.service import Service
from infra.stack import read_secret
from infra.stack_checks import check_services, check_settings, memory_mb
from infra.stack_config import read_external_secrets, read_settings, read_token
from infra.stack_outputs import outputs

PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


@dataclass
class Config:
    """A stack's config over the defaults of Pulumi.yaml, as Pulumi merges them."""

    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name):
        return lambda key: self._merged().get(key)

    def _merged(self):
        defaults = {key: declared["default"] for key, declared in PROJECT["config"].items()}
        return {**defaults, **self.values}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    for name in ("FINNHUB_API_TOKEN", "FINNHUB_TICKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def settings_of(feed: FeedSettings | None = None, **values: Any) -> StackSettings:
    return read_settings(Config(values), "tapehouse", "dev", feed or FeedSettings.read())


def test_without_any_config_the_defaults_of_both_sides_agree():
    assert settings_of() == StackSettings()
    check_settings(settings_of())


def test_every_key_of_the_schema_is_described_and_read():
    read: set[str] = set()

    class Watching(Config):
        def __getattr__(self, name):
            return lambda key: (read.add(key), self._merged().get(key))[1]

    read_settings(Watching(), "tapehouse", "dev", FeedSettings.read())
    assert set(PROJECT["config"]) <= read
    assert read - set(PROJECT["config"]) == {"token"}
    assert all(declared["description"] for declared in PROJECT["config"].values())


def test_the_environments_feed_reaches_the_stack_and_the_stacks_config_wins(monkeypatch):
    monkeypatch.setenv("FINNHUB_API_TOKEN", "of-the-environment")
    monkeypatch.setenv("FINNHUB_TICKERS", "AAPL,MSFT")
    feed = FeedSettings.read()
    assert settings_of(feed).tickers == ("AAPL", "MSFT")
    assert settings_of(feed).has_token
    assert settings_of(feed, tickers="TSLA, NVDA").tickers == ("TSLA", "NVDA")
    assert read_token(Config(), feed) == "of-the-environment"
    assert read_token(Config({"token": "of-the-stack"}), feed) == "of-the-stack"


def test_the_file_env_is_read_from_the_repository(tmp_path):
    (tmp_path / ".env").write_text("FINNHUB_TICKERS=TSLA\n")
    assert FeedSettings.read(_env_file=tmp_path / ".env").symbols == ("TSLA",)


def test_values_become_settings():
    found = settings_of(
        store="seaweedfs",
        lifecycle="retain",
        brokers=3,
        workers=2,
        rate=50,
        memory={"stream": 2048, "kafka": "900"},
        externalSpark="spark://spark:7077",
        externalBroker={"server": "kafka:9092", "username": "me", "password": "hidden"},
        externalCatalog={"uri": "http://catalog:8181", "token": "hidden"},
    )
    assert found.store is StoreKind.SEAWEEDFS
    assert found.lifecycle is Lifecycle.RETAIN
    assert (found.brokers, found.workers, found.rate) == (3, 2, 50)
    assert found.memory == {"kafka": 900, "stream": 2048}
    assert found.external_broker
    assert found.external_broker.sasl_mechanism == "SCRAM-SHA-512"
    assert "hidden" not in repr(found)


def test_external_secrets_come_apart_from_the_settings():
    found = read_external_secrets(
        Config({"externalBroker": {"server": "x", "password": "p"}, "externalCatalog": {}})
    )
    assert found.broker_password == "p"
    assert "p" not in repr(found).replace("ExternalSecrets", "")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tickers": "AAPL,<script>"}, "tickers is 'AAPL,<script>', and must be symbols"),
        ({"store": "ceph"}, "store is 'ceph', and can only be minio or seaweedfs"),
        ({"lifecycle": "forever"}, "can only be ephemeral or retain"),
        ({"memory": {"kafka": "much"}}, "memory.kafka is 'much', and must be a whole number"),
        ({"memory": {"kafka": True}}, "memory.kafka is True"),
        ({"externalBroker": {"username": "me"}}, "externalBroker lacks server"),
        ({"externalStore": {"endpoint": "http://s3"}}, "externalStore lacks accessKey"),
        ({"externalCatalog": {"uri": "x", "user": "y"}}, "externalCatalog.user means nothing"),
    ],
)
def test_a_value_that_means_nothing_is_one_clear_error(values, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings_of(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stack": "My Stack"}, "cannot name images"),
        ({"workers": 0}, "workers is 0"),
        ({"brokers": 2}, "brokers is 2, and can only be 1 (no copy) or 3"),
        ({"topic_partitions": 0}, "topicPartitions is 0"),
        ({"trigger_seconds": 0}, "triggerSeconds is 0"),
        ({"trigger_seconds": 61}, "triggerSeconds is 61"),
        ({"snapshot_ladder": "10m"}, "snapshotLadder is '10m'"),
        ({"patience_seconds": 0}, "patienceSeconds"),
        ({"dashboard_port": 0}, "dashboardPort is 0"),
        ({"dashboard_port": 70_000}, "dashboardPort is 70000"),
        ({"dashboard_address": "localhost"}, "must be an address"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_made(values, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        check_settings(replace(StackSettings(), **values))


def _service(name: str, memory_mb: int = 100, **more: Any) -> Service:
    return Service(name, ("true",), Running(), memory_mb, **more)


def test_memory_over_the_hosts_is_refused_and_an_unknown_host_is_not_guessed():
    services = [_service("a", 600), _service("job", 500, job=True), _service("other", 10, job=True)]
    assert memory_mb(services) == 1100
    check_services(services, StackSettings(), 1100 << 20)
    check_services(services, StackSettings(), None)
    with pytest.raises(SettingsError, match=r"may take 1100 MB together, and .* has 1099 MB"):
        check_services(services, StackSettings(), 1099 << 20)


def test_two_services_on_one_port_are_refused():
    services = [_service("a", publishes={80: 8080}), _service("b", publishes={81: 8080})]
    with pytest.raises(SettingsError, match="published on port 8080"):
        check_services(services, StackSettings(), None)


def test_memory_for_a_role_that_is_not_there_is_refused():
    services = [_service("worker-1", role="worker")]
    check_services(services, replace(StackSettings(), memory={"worker": 900}), None)
    with pytest.raises(SettingsError, match=r"memory.wroker is no role of this stack: .* worker"):
        check_services(services, replace(StackSettings(), memory={"wroker": 900}), None)


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (None, "The stack has no secret yet"),
        ("", "The stack has no secret yet"),
        ("tapehouse", "secret has 9 characters, and needs 32"),
    ],
)
def test_a_stack_without_a_secret_or_with_a_weak_one_is_refused(secret, message):
    with pytest.raises(SettingsError, match=message) as caught:
        read_secret(Config({"secret": secret}))
    assert "openssl rand -hex 32 | pulumi config set --secret secret" in str(caught.value)
    assert not secret or secret not in str(caught.value)


def test_the_stacks_secret_stays_one_inside_pulumi():
    @pulumi.runtime.test
    def reading():
        secret = read_secret(Config({"secret": "s" * 32}))
        shown = pulumi.Output.from_input(secret.is_secret())
        return pulumi.Output.all(secret, shown).apply(found.append)

    found: list[object] = []
    reading()
    assert found == [["s" * 32, True]]


def test_the_outputs_tell_the_address_what_is_active_and_what_is_next():
    settings = StackSettings(lifecycle=Lifecycle.RETAIN)
    told = outputs(settings, [_service("dashboard", publishes={8501: 8501})], by_make=True)
    assert told["dashboard"] == "http://127.0.0.1:8501"
    assert str(told["feed"]).startswith("simulator, since no Finnhub token is set")
    assert DEFAULT_SYMBOLS[0] in str(told["feed"])
    assert str(told["data"]).startswith("retain")
    assert str(told["data"]).endswith("--filter label=dev.tapehouse.stack=dev)")
    assert "consoles" not in told
    assert "tapehouse --stack dev status" in str(told["next"])
    finnhub = replace(settings, has_token=True, consoles=True)
    assert str(outputs(finnhub, [_service("a")], by_make=True)["feed"]).startswith("Finnhub")


def test_the_next_commands_find_the_stack_and_its_state():
    settings = StackSettings(stack="other")
    made, logged_in = (
        [str(command) for command in outputs(settings, (), by_make=by_make)["next"]]
        for by_make in (True, False)
    )
    assert made[-2:] == [
        'make config STACK=other ARGS="set tickers AAPL,MSFT" && make up STACK=other',
        "make down STACK=other",
    ]
    assert not [command for command in logged_in if "make" in command]
    assert all("--stack other" in command for command in logged_in)


def test_the_program_is_where_pulumi_looks_for_it():
    assert PROJECT["name"] == StackSettings().project
    assert (ROOT / PROJECT["main"] / "__main__.py").is_file()
    assert Path(PROJECT["runtime"]["options"]["virtualenv"]) == Path(".venv")
