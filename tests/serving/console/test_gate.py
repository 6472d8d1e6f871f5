import re

import duckdb
import pytest

from catalog.errors import QueryError
from serving.console.functions import FUNCTIONS, REFUSED, TABLE_FUNCTIONS
from serving.console.gate import LONGEST_BYTES, check
from tests.support.sql_escapes import ESCAPES
from tests.support.sql_good import GOOD

PLAIN_NAMES = ("trades", "rejected", "feed_events")
ESCAPED_QUERIES = [
    sql
    for texts in ESCAPES.values()
    for sql in texts
    if sql.startswith(("SELECT", "FROM", "WITH")) and len(sql) < 200
]


@pytest.mark.parametrize("sql", GOOD)
def test_what_people_ask_passes(sql):
    checked = check(sql.replace("{snapshot}", "1234567890123456789"), PLAIN_NAMES)
    assert duckdb.extract_statements(checked.text)


def test_there_are_enough_good_queries():
    assert len(set(GOOD)) == len(GOOD) >= 60


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1; SELECT 2", "One statement at a time"),
        ("DROP TABLE x", "DROP is not allowed"),
        ("SELECT getenv('x')", "function getenv is not allowed"),
        ("FROM read_csv('x')", "table function read_csv is not allowed"),
        ("FROM elsewhere", "no table elsewhere here. Tables: feed_events, rejected, trades"),
        ("FROM memory.main.x", "no table memory.main.x"),
        ("PIVOT trades ON symbol USING sum(size)", "say which it shall have"),
        ("SELECT FROM WHERE", "syntax error"),
        ("EXPLAIN", "syntax error"),
        ("FROM lake.market.trades AT (TIMESTAMP => now())", "use --as-of"),
        ("SHOW DATABASES", "only SHOW TABLES"),
        ("SELECT '" + "x" * LONGEST_BYTES + "'", "too long"),
        ("SELECT 1\0", "NUL"),
    ],
)
def test_a_refusal_says_what_and_what_instead(sql, told):
    with pytest.raises(QueryError, match=re.escape(told)):
        check(sql, PLAIN_NAMES)


@pytest.mark.parametrize(
    ("sql", "runs"),
    [
        ("explain select 1", "EXPLAIN select 1"),
        ("EXPLAIN ANALYZE FROM trades", "EXPLAIN ANALYZE FROM trades"),
        ("/* é; */ explain /* ü */ analyze -- x\n select 'é'", "EXPLAIN ANALYZE select 'é'"),
    ],
)
def test_of_explain_only_the_judged_part_is_run(sql, runs):
    assert check(sql, PLAIN_NAMES).text == runs


@pytest.mark.parametrize("sql", ["EXPLAIN EXPLAIN SELECT 1", "EXPLAIN (FORMAT json) SELECT 1"])
def test_explain_takes_a_select_alone(sql):
    with pytest.raises(QueryError):
        check(sql, PLAIN_NAMES)


def test_names_of_ctes_are_known_only_where_they_are_seen():
    assert check("WITH a AS (SELECT 1), b AS (FROM a) FROM b, a", ())
    for sql in (
        "WITH b AS (FROM a), a AS (SELECT 1) FROM b",
        "FROM (WITH a AS (SELECT 1) FROM a), a",
    ):
        with pytest.raises(QueryError, match="no table a here"):
            check(sql, ())


def test_only_a_list_of_tables_asks_for_every_view():
    assert check("SHOW TABLES", ()).lists_tables
    assert not check("SELECT 1", ()).lists_tables


def test_every_function_of_this_duckdb_was_decided_upon():
    """A new version brings new ones: put each into a list, or the console goes without it."""
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            " AND function_name NOT LIKE 'icu_collate_%'"
        ).fetchall()
    installed = {name for name, _ in found}
    assert installed - FUNCTIONS - REFUSED == set()
    assert FUNCTIONS - installed == {"unnest"}
    assert not FUNCTIONS & REFUSED


def test_no_allowed_function_is_one_that_reaches_out():
    reaching = re.compile(r"read|scan|glob|file|secret|setting|query|pragma|duckdb|log_|sql|sleep")
    allowed = {name for name in FUNCTIONS | TABLE_FUNCTIONS if reaching.search(name)}
    harmless = {"parse_filename", "formatreadablesize", "formatreadabledecimalsize"}
    assert allowed == harmless


@pytest.mark.parametrize("frame", ["WITH a AS ({}) FROM a", "SELECT EXISTS ({})", "EXPLAIN {}"])
def test_an_escape_is_none_the_better_for_standing_inside(frame):
    for sql in ESCAPED_QUERIES[::4]:
        with pytest.raises(QueryError):
            check(frame.format(sql), PLAIN_NAMES)


def test_the_parser_reads_no_file_either(tmp_path):
    """DuckDB expands some statements while it parses: IMPORT DATABASE reads SQL from a folder."""
    (tmp_path / "schema.sql").write_text("SELECT 1;")
    (tmp_path / "load.sql").write_text("SELECT 2;")
    with pytest.raises(QueryError, match=r"disabled by configuration|not allowed"):
        check(f"IMPORT DATABASE '{tmp_path}'", PLAIN_NAMES)


def test_a_tree_with_an_unknown_kind_of_node_is_refused(monkeypatch):
    monkeypatch.setattr("serving.console.gate._OTHERS", {"EMPTY"})
    with pytest.raises(QueryError, match="kind SELECT_NODE is not allowed"):
        check("SELECT 1", PLAIN_NAMES)
