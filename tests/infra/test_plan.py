from pathlib import Path

import pytest

from catalog.errors import SettingsError
from infra.home import Home
from infra.java import Java
from infra.plan import FeedKind, Plan, local_services, parse_feed

JAVA = Java(Path("/java"), 17, "PATH")


@pytest.fixture(autouse=True)
def _no_settings_of_the_users_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINNHUB_API_TOKEN", raising=False)


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    home.ensure_ports()
    return home


def planned(home: Home, plan: Plan):
    return {service.name: service for service in local_services(home, plan, JAVA)}


def test_without_a_token_the_feed_is_the_simulator():
    assert parse_feed(None) == (FeedKind.SIMULATOR, None)


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_with_a_token_the_same_command_reads_the_real_feed(monkeypatch, tmp_path, where):
    if where == "environment":
        monkeypatch.setenv("FINNHUB_API_TOKEN", "canary-token")
    else:
        (tmp_path / ".env").write_text("FINNHUB_API_TOKEN=canary-token\n")
    assert parse_feed(None) == (FeedKind.FINNHUB, None)
    assert parse_feed("simulator") == (FeedKind.SIMULATOR, None)


def test_finnhub_without_a_token_is_refused_with_the_way_out():
    with pytest.raises(SettingsError, match="FINNHUB_API_TOKEN"):
        parse_feed("finnhub")


def test_a_recording_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match="neither simulator"):
        parse_feed("nowhere.frames.jsonl")


def test_the_token_reaches_the_producer_alone(home, monkeypatch):
    monkeypatch.setenv("FINNHUB_API_TOKEN", "canary-token")
    services = planned(home, Plan(FeedKind.FINNHUB))
    holders = [name for name, s in services.items() if "canary-token" in s.secrets.values()]
    assert holders == ["producer"]
    plain = [*(v for s in services.values() for v in s.environment.values())]
    assert "canary-token" not in plain
    assert "simulator" not in services


def test_the_simulator_gets_a_generated_token_and_never_the_users(home, monkeypatch):
    monkeypatch.setenv("FINNHUB_API_TOKEN", "canary-token")
    services = planned(home, Plan(FeedKind.SIMULATOR, rate=200))
    for name in ("simulator", "producer"):
        assert services[name].secrets["FINNHUB_API_TOKEN"] == home.credentials.simulator_token
    assert services["simulator"].command[-2:] == ("--rate", "200")
    assert services["producer"].secrets["TAPEHOUSE_FEED_SOURCE"] == "simulator"


def test_without_a_feed_there_is_neither_simulator_nor_producer(home):
    services = planned(home, Plan(FeedKind.NONE, dashboard_port=None))
    assert set(services) == {"kafka", "store", "ensure-topics", "stream"}


def test_a_recording_is_played_under_its_own_name_with_its_own_symbols(home, tmp_path):
    path = tmp_path / "day.frames.jsonl"
    path.write_text(
        '{"received_at": "2026-01-02T00:00:00Z", "frame":'
        ' "{\\"type\\":\\"trade\\",\\"data\\":[{\\"s\\":\\"X:Y\\",\\"p\\":1,\\"v\\":1,'
        '\\"t\\":1767312000000,\\"c\\":null}]}"}\n'
    )
    kind, recording = parse_feed(str(path))
    services = planned(home, Plan(kind, recording))
    assert kind is FeedKind.RECORDING
    assert services["producer"].secrets["TAPEHOUSE_FEED_SOURCE"] == "day"
    assert services["producer"].secrets["FINNHUB_TICKERS"] == "X:Y"
    assert "--recording" in services["simulator"].command


def test_the_users_own_tuning_reaches_the_stream_and_the_command_line_wins(home, tmp_path):
    (tmp_path / ".env").write_text("TAPEHOUSE_CARE_SECONDS=7\nTAPEHOUSE_TRIGGER_SECONDS=9\n")
    environment = planned(home, Plan(FeedKind.NONE, trigger_seconds=1))["stream"].environment
    assert environment["TAPEHOUSE_CARE_SECONDS"] == "7"
    assert environment["TAPEHOUSE_TRIGGER_SECONDS"] == "1"
    assert environment["JAVA_HOME"] == "/java"


@pytest.mark.parametrize(
    "name",
    ["TAPEHOUSE_CARE_SECONDS", "TAPEHOUSE_SILENT_MINUTES", "TAPEHOUSE_DASHBOARD_POLL_SECONDS"],
)
def test_tuning_that_a_service_would_refuse_is_refused_before_anything_starts(
    home, monkeypatch, name
):
    monkeypatch.setenv(name, "0")
    with pytest.raises(SettingsError, match=name):
        planned(home, Plan(FeedKind.NONE))


def test_the_webhook_and_the_keeper_s_token_reach_the_dashboard_as_secrets(home, monkeypatch):
    monkeypatch.setenv("TAPEHOUSE_ALERT_WEBHOOK", "https://hooks.example/canary")
    monkeypatch.setenv("TAPEHOUSE_KEEPER_TOKEN", "of-another-stream")
    services = planned(home, Plan(FeedKind.NONE))
    hook = "https://hooks.example/canary"
    assert [name for name, s in services.items() if hook in s.secrets.values()] == ["dashboard"]
    plain = [value for s in services.values() for value in s.environment.values()]
    assert not {hook, "of-another-stream"} & set(plain)
    page = services["dashboard"]
    assert page.secrets["TAPEHOUSE_KEEPER_TOKEN"] == home.credentials.keeper_token
    assert page.environment["TAPEHOUSE_KEEPER_PORT"] == str(home.ports["stream.keeper"])


def test_a_rebuild_is_asked_of_the_stream_by_its_name_and_of_nothing_else(home):
    services = planned(home, Plan(FeedKind.NONE, rebuild="this-run"))
    assert services["stream"].command[-2:] == ("--rebuild", "this-run")
    assert [name for name, s in services.items() if "--rebuild" in s.command] == ["stream"]
    assert "--rebuild" not in planned(home, Plan(FeedKind.NONE))["stream"].command


def test_a_kafka_of_the_users_own_does_not_reach_into_a_local_run(home, monkeypatch):
    monkeypatch.setenv("KAFKA_SERVER", "elsewhere:9092")
    monkeypatch.setenv("TAPEHOUSE_STORE_ENDPOINT", "http://elsewhere")
    services = planned(home, Plan(FeedKind.NONE))
    values = [v for s in services.values() for v in (*s.environment.values(), *s.secrets.values())]
    assert not [value for value in values if "elsewhere" in value]
