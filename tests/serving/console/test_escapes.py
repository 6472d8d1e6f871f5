import pytest

from catalog.errors import QueryError
from serving.console.gate import check
from tests.support.sql_escapes import ESCAPES

PLAIN_NAMES = ("trades", "rejected", "feed_events")
EACH = [(group, sql) for group, texts in ESCAPES.items() for sql in texts]


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(ESCAPES) >= 20
    assert len({sql for _, sql in EACH}) == len(EACH) >= 200


@pytest.mark.parametrize(("group", "sql"), EACH, ids=[f"{g}-{n}" for n, (g, _) in enumerate(EACH)])
def test_the_gate_refuses(group, sql):
    with pytest.raises(QueryError):
        check(sql, PLAIN_NAMES)
