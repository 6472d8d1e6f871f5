import pytest

from catalog.topics import Topics
from infra.jobs.minio_store import policies
from infra.jobs.seaweedfs_store import policy
from infra.jobs.topics import grants

TOPICS = Topics("ticks")


def test_only_the_producer_may_write_to_a_topic():
    writers = {g.principal for g in grants(TOPICS) if g.operation.name == "WRITE"}
    assert writers == {"User:producer"}


def test_the_stream_reads_the_three_topics_and_does_nothing_else():
    found = {(g.name, g.operation.name) for g in grants(TOPICS) if g.principal == "User:stream"}
    assert found == {(topic.name, "READ") for topic in TOPICS.all()}


def test_nobody_is_granted_everything():
    assert not [g for g in grants(TOPICS) if g.operation.name in {"ALL", "ALTER", "CREATE"}]


@pytest.mark.parametrize("user", ["tapehouse-reader", "tapehouse-console"])
def test_who_reads_may_look_and_read_and_nothing_else(user):
    actions = {
        action
        for statement in policies("lake")[user]["Statement"]
        for action in statement["Action"]
    }
    assert not [action for action in actions if action.startswith(("s3:Put", "s3:Delete", "s3:*"))]
    assert "s3:GetObject" in actions


def test_the_catalog_may_write_metadata_and_no_data():
    statements = policies("lake")["tapehouse-catalog"]["Statement"]
    writing = [s for s in statements if "s3:PutObject" in s["Action"]]
    assert [s["Resource"] for s in writing] == [["arn:aws:s3:::lake/*/metadata/*"]]


def test_no_policy_reaches_another_bucket():
    text = str(policies("lake"))
    assert text.count("arn:aws:s3:::") == text.count("arn:aws:s3:::lake")


@pytest.mark.parametrize("user", ["tapehouse-reader", "tapehouse-console"])
def test_who_reads_seaweedfs_may_only_look(user):
    reading = [s for s in policy("arn:x")["Statement"] if s["Principal"] == user]
    assert reading
    assert all(
        a.startswith(("s3tables:Get", "s3tables:List")) for s in reading for a in s["Action"]
    )
