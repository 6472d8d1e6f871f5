"""Kafka, store and catalog that are not the stack's own, named in its config."""

import pytest

from tests.support.external_servers import external_servers, gateway
from tests.support.instance import wait_until
from tests.support.stack import assert_exactly_once, cannot, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def test_trades_flow_through_servers_that_are_not_ours(make_stack, tmp_path) -> None:
    address = gateway()
    if address is None:
        cannot("the engine is on another machine, which cannot reach servers of this one")
    with external_servers(tmp_path, address) as servers:
        stack = make_stack("outside", **servers.config)
        stack.secret_config = servers.secrets
        with running(stack):
            assert {"kafka", "store", "catalog"} & set(stack.containers()) == set()
            stack.wait_until_well()
            rows = stack.count()
            wait_until(lambda: stack.count() > rows, 60, "more trades", every=1)
            assert_exactly_once(stack)
            assert stack.preview_without_changes().code == 0
