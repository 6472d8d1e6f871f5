import pytest
from pydantic import SecretStr

from catalog.errors import SettingsError
from catalog.settings import (
    DEFAULT_SYMBOLS,
    BrokerSettings,
    FeedSettings,
    LakeSettings,
    environment_of,
)

CANARY = "canary-5ecret-token"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for group in (FeedSettings, BrokerSettings, LakeSettings):
        for field in group.model_fields.values():
            monkeypatch.delenv(field.alias, raising=False)


def test_defaults_are_the_seven_symbols():
    assert FeedSettings.read().symbols == DEFAULT_SYMBOLS


def test_tickers_are_split_stripped_and_kept_once(monkeypatch):
    monkeypatch.setenv("FINNHUB_TICKERS", " AAPL, BINANCE:BTCUSDT,AAPL ,IC MARKETS:1,")
    assert FeedSettings.read().symbols == ("AAPL", "BINANCE:BTCUSDT", "IC MARKETS:1")


@pytest.mark.parametrize("bad", ["A;DROP TABLE", "<b>", "é", "x" * 33, ","])
def test_a_bad_symbol_is_an_error_that_names_the_variable(monkeypatch, bad):
    monkeypatch.setenv("FINNHUB_TICKERS", bad)
    with pytest.raises(SettingsError, match=r"FINNHUB_TICKERS|symbols"):
        FeedSettings.read()


def test_a_dot_env_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(f"FINNHUB_API_TOKEN={CANARY}\nKAFKA_TOPIC=from-file\n")
    monkeypatch.setenv("KAFKA_TOPIC", "from-environment")
    assert FeedSettings.read().token.get_secret_value() == CANARY
    assert BrokerSettings.read().topics.rejected == "from-environment.rejected"


def test_secrets_show_nowhere(monkeypatch):
    monkeypatch.setenv("FINNHUB_API_TOKEN", CANARY)
    monkeypatch.setenv("KAFKA_PASSWORD", CANARY)
    monkeypatch.setenv("TAPEHOUSE_STORE_SECRET_KEY", CANARY)
    for group in (FeedSettings, BrokerSettings, LakeSettings):
        settings = group.read()
        assert CANARY not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_refused_value_is_not_shown():
    with pytest.raises(SettingsError) as caught:
        BrokerSettings.read(trade_partitions=CANARY)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_another_process_reads_the_same_settings(monkeypatch):
    feed = FeedSettings.read(token=SecretStr(CANARY), symbols=("A", "B"))
    lake = LakeSettings.read(store_access_key="key", credential=SecretStr("a:b"))
    for name, value in environment_of(feed, lake).items():
        monkeypatch.setenv(name, value)
    assert FeedSettings.read() == feed
    assert LakeSettings.read() == lake


def test_a_user_name_turns_sasl_on():
    plain = BrokerSettings.read()
    assert plain.client_config()["security.protocol"] == "PLAINTEXT"
    sasl = BrokerSettings.read(username="producer", password=SecretStr("p"))
    assert sasl.client_config()["security.protocol"] == "SASL_PLAINTEXT"
