import json

from catalog.settings import BrokerSettings
from streaming.source import EARLIEST, _to_json, kafka_options


def test_a_broker_without_a_user_needs_no_login():
    options = kafka_options(BrokerSettings(KAFKA_SERVER="127.0.0.1:1", KAFKA_USERNAME=""))
    assert options["kafka.bootstrap.servers"] == "127.0.0.1:1"
    assert options["kafka.security.protocol"] == "PLAINTEXT"
    assert not any("sasl" in name for name in options)


def test_a_user_logs_in_by_scram_and_a_password_cannot_break_out_of_its_quotes():
    broker = BrokerSettings(KAFKA_USERNAME="spark", KAFKA_PASSWORD='a"b\\c')
    options = kafka_options(broker)
    assert options["kafka.security.protocol"] == "SASL_PLAINTEXT"
    assert options["kafka.sasl.mechanism"] == "SCRAM-SHA-512"
    login = options["kafka.sasl.jaas.config"]
    assert login.endswith(r"""ScramLoginModule required username="spark" password="a\"b\\c";""")


def test_starting_offsets_are_written_as_spark_reads_them():
    assert json.loads(_to_json({"ticks": {1: EARLIEST, 0: 40}})) == {"ticks": {"0": 40, "1": -2}}
