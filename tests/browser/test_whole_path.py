"""From Kafka to the page: what the other browser tests take a shortcut around."""

import time

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Page, expect

from catalog.trade import Trade
from tests.support.instance import Instance

pytestmark = pytest.mark.browser

SYMBOL = "WHOLEPATH"


def send(instance: Instance, price: float) -> None:
    producer = Producer({"bootstrap.servers": instance.broker_settings().server})
    now = time.time_ns() // 1000
    key, value = Trade(SYMBOL, now, price, 1.0, None, now, "test").to_message()
    producer.produce("stock-ticks", value, key)
    assert producer.flush(30) == 0


def test_a_trade_sent_to_kafka_is_on_the_page(page: Page, instance: Instance) -> None:
    send(instance, 41.5)
    page.goto(f"{instance.dashboard_url()}/?symbol={SYMBOL}&interval=1s")
    expect(page.locator(".last")).to_have_text("41.50")
    send(instance, 42.25)
    expect(page.locator(".last")).to_have_text("42.25")
