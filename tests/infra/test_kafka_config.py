from dataclasses import replace
from pathlib import Path

import pytest

from infra.config import StackSettings
from infra.container_site import container_site
from infra.kafka_config import KafkaCluster, format_arguments, kafka_properties

SITE = container_site(StackSettings())
USERS = {"broker": "word-of-broker", "admin": "word-of-admin", "stream": "word-of-stream"}


def properties(cluster: KafkaCluster, site=SITE) -> dict[str, str]:
    lines = kafka_properties(site, Path("/data/kafka/data"), cluster).splitlines()
    pairs = [line.split("=", maxsplit=1) for line in lines if not line.startswith("#")]
    assert len({key for key, _ in pairs}) == len(pairs), "each key once"
    return dict(pairs)


def test_without_users_it_is_plain_and_alone():
    found = properties(KafkaCluster("id"), replace(SITE, bind="127.0.0.1", hosts={}))
    assert "SASL" not in str(found)
    assert "127.0.0.1" in found["controller.quorum.voters"]
    assert found["default.replication.factor"] == "1"


def test_with_users_every_listener_asks_for_a_password_and_nothing_is_open_by_default():
    found = properties(KafkaCluster("id", ("kafka",), 1, USERS))
    protocols = found["listener.security.protocol.map"].split(",")
    assert all(protocol.endswith(":SASL_PLAINTEXT") for protocol in protocols)
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["super.users"] == "User:broker;User:admin"


def test_a_lone_controller_is_reached_by_itself_alone():
    found = properties(KafkaCluster("id", ("kafka",), 1, USERS))
    assert "CONTROLLER://127.0.0.1:" in found["listeners"]
    assert found["controller.quorum.voters"].startswith("1@127.0.0.1:")


@pytest.mark.parametrize("user", USERS)
def test_a_broker_is_formatted_with_every_user(user):
    lines = format_arguments(KafkaCluster("id", users=USERS), Path("/a b/x")).splitlines()
    assert f'"SCRAM-SHA-512=[name={user},password=word-of-{user}]"' in lines


def test_a_path_with_blanks_and_quotes_stays_one_argument():
    lines = format_arguments(KafkaCluster("id"), Path('/a "b"/x')).splitlines()
    assert '"/a \\"b\\"/x"' in lines
