import socket

import pytest
from pydantic import SecretStr
from tenacity import wait_none

from catalog.errors import ServiceError, SettingsError
from serving.alerts import Firing
from serving.settings import DashboardSettings
from serving.webhook import Webhook, is_transient
from tests.support.instance import wait_until
from tests.support.receiver import receiving

FIRING = Firing(7, 1, "no trade for 60 s", 1_700_000_000_000_000, None, "last trade 61 s ago", "")


def outcome_of(url: str, firing: Firing = FIRING) -> str:
    told: dict[int, str] = {}
    webhook = Webhook(SecretStr(url), told.__setitem__, wait_none())
    webhook.start()
    webhook.post(firing)
    wait_until(lambda: firing.id in told, 30, "the webhook's outcome")
    webhook.stop()
    return told[firing.id]


def test_a_firing_is_posted_as_json():
    with receiving(200) as receiver:
        assert outcome_of(receiver.url) == "posted"
    assert receiver.heard == [
        {
            "alert": "no trade for 60 s",
            "text": "last trade 61 s ago",
            "fired_at": "2023-11-14T22:13:20+00:00",
        }
    ]


def test_a_busy_receiver_is_asked_again():
    with receiving(503, 429, 204) as receiver:
        assert outcome_of(receiver.url) == "posted"
        assert len(receiver.heard) == 3


def test_a_receiver_that_stays_busy_is_given_up():
    with receiving(500) as receiver:
        assert outcome_of(receiver.url) == "refused with HTTP 500"
        assert len(receiver.heard) == 4


def test_a_refusal_is_for_good():
    with receiving(404) as receiver:
        assert outcome_of(receiver.url) == "refused with HTTP 404"
        assert len(receiver.heard) == 1


def test_a_redirect_is_not_followed():
    with receiving(307) as receiver:
        assert outcome_of(receiver.url) == "refused with HTTP 307"
        assert len(receiver.heard) == 1


def test_nobody_there_is_told_without_the_address():
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    outcome = outcome_of(f"http://127.0.0.1:{port}/canary")
    assert outcome == "not posted: ConnectionRefusedError"


def test_without_an_address_nothing_is_posted_and_no_thread_runs():
    told: dict[int, str] = {}
    webhook = Webhook(SecretStr(""), told.__setitem__)
    webhook.start()
    webhook.post(FIRING)
    webhook.stop()
    assert told == {}
    assert webhook.host == ""


def test_too_many_that_wait_are_told_as_not_posted():
    told: dict[int, str] = {}
    webhook = Webhook(SecretStr("http://127.0.0.1:9/x"), told.__setitem__)
    for _ in range(101):
        webhook.post(FIRING)
    assert told == {7: "not posted: 100 others wait"}


def test_an_outcome_that_cannot_be_kept_does_not_end_the_posting():
    told = []

    def tell(firing_id: int, outcome: str) -> None:
        told.append(firing_id)
        raise ServiceError("the disk is full")

    with receiving(200) as receiver:
        webhook = Webhook(SecretStr(receiver.url), tell)
        webhook.start()
        webhook.post(FIRING)
        webhook.post(FIRING)
        wait_until(lambda: len(told) == 2, 30, "both to be told")
        webhook.stop()


def test_only_the_host_is_shown():
    webhook = Webhook(SecretStr("https://hooks.example/services/canary"), lambda *_: None)
    assert webhook.host == "hooks.example"
    assert "canary" not in repr(webhook)


@pytest.mark.parametrize("url", ["ftp://x/y", "file:///etc/passwd", "hooks.example/x", "http://"])
def test_an_address_of_another_kind_is_refused_without_being_quoted(monkeypatch, url):
    monkeypatch.setenv("TAPEHOUSE_ALERT_WEBHOOK", url)
    with pytest.raises(SettingsError, match="TAPEHOUSE_ALERT_WEBHOOK") as refused:
        DashboardSettings.read()
    assert url not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "again"), [(408, True), (429, True), (500, True), (400, False), (404, False)]
)
def test_one_function_says_what_may_be_tried_again(status, again):
    assert is_transient(status) is again
