"""Questions that would take all there is: each must end within its limits.

Each with what may end it: `time` (the deadline), `memory` (an error), `rows` or `bytes` (the answer
is cut), `refused` (by the gate or by DuckDB), or `answered` where it turns out to be harmless. On a
busy machine the deadline may come first everywhere.
"""

BOMBS: dict[str, tuple[str, set[str]]] = {
    # Time
    "a long count": ("SELECT count(*) FROM range(1000000000000) t(i) WHERE i % 3 = 1", {"time"}),
    "a long sum": ("SELECT sum(sqrt(i)) FROM range(1000000000000) t(i)", {"time"}),
    "a cross join of ranges": (
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range = 7",
        {"time", "memory"},
    ),
    "trades four times with themselves": (
        (
            "SELECT count(*) FROM trades a, trades b, trades c, trades d"
            " WHERE a.price + b.price + c.price + d.price = 1"
        ),
        {"time", "memory"},
    ),
    "a join by inequality": (
        "SELECT count(*) FROM range(3000000) a JOIN range(3000000) b ON a.range <> b.range",
        {"time", "memory"},
    ),
    "endless recursion": (
        (
            "WITH RECURSIVE r(n) AS (SELECT 1::HUGEINT UNION ALL SELECT n + 1 FROM r)"
            " SELECT count(*) FROM r"
        ),
        {"time", "memory"},
    ),
    "recursion that runs in a circle": (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT 1 - n FROM r) SELECT max(n) FROM r",
        {"time", "memory"},
    ),
    "a slow expression": (
        "SELECT regexp_replace(repeat('ab', 1000000), '(a|b|ab)*c', 'x') FROM range(1000000)",
        {"time", "memory"},
    ),
    "a pattern of counted groups": (
        "SELECT regexp_matches(repeat('a', 100000) || 'b', '((a{0,30}){0,30}){0,30}$')",
        {"time", "memory", "refused", "answered"},
    ),
    "a long LIKE": (
        (
            "SELECT count(*) FROM range(100000000)"
            " WHERE repeat('a', 5000 + (range % 5000)::INT) LIKE '%a%a%a%a%a%a%a%b'"
        ),
        {"time", "memory"},
    ),
    "edit distances": (
        "SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))",
        {"time", "memory"},
    ),
    "digests": (
        "SELECT sum(hash(sha256(repeat(i::VARCHAR, 100000)))) FROM range(100000000) t(i)",
        {"time", "memory"},
    ),
    # Memory
    "one list of everything": ("SELECT list(i) FROM range(1000000000) t(i)", {"memory", "time"}),
    "a list by a function": ("SELECT len(range(10000000000))", {"memory", "refused"}),
    "lists of lists": (
        "SELECT [[range(100000) FOR y IN range(1000)] FOR x IN range(1000)]",
        {"memory", "time"},
    ),
    "a long text": ("SELECT length(repeat('x', 10000000000))", {"memory", "refused"}),
    "a text of texts": (
        "SELECT string_agg(repeat('x', 1000000), '') FROM range(1000000)",
        {"memory", "time"},
    ),
    "a padded text": ("SELECT lpad('x', 2000000000, 'y')", {"memory", "refused", "bytes"}),
    "a text doubled again and again": (
        (
            "WITH RECURSIVE r(s) AS (SELECT 'xxxxxxxx' UNION ALL SELECT s || s FROM r)"
            " SELECT max(length(s)) FROM r"
        ),
        {"memory", "time"},
    ),
    "many groups": (
        "SELECT count(*) FROM (SELECT i, count(*) FROM range(300000000) t(i) GROUP BY i)",
        {"memory", "time"},
    ),
    "all that is distinct": (
        "SELECT count(DISTINCT i::VARCHAR || 'xxxxxxxxxxxxxxxxxx') FROM range(100000000) t(i)",
        {"memory", "time"},
    ),
    "a window over everything": (
        (
            "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY hash(i)) r"
            " FROM range(300000000) t(i))"
        ),
        {"memory", "time"},
    ),
    "a pivot of many columns": (
        (
            "SELECT * FROM (SELECT i AS k, i AS v FROM range(3) t(i))"
            f" PIVOT (sum(v) FOR k IN ({', '.join(str(n) for n in range(12_000))}))"
        ),
        {"refused", "memory", "time", "bytes", "answered"},
    ),
    # Temporary files
    "a sort larger than the memory": (
        "SELECT * FROM range(100000000) ORDER BY hash(range), random()",
        {"memory", "time"},
    ),
    "a join larger than the memory": (
        (
            "SELECT count(*) FROM range(50000000) a JOIN (SELECT range, repeat('x', 100) AS t"
            " FROM range(50000000)) b USING (range) WHERE length(t) > 1"
        ),
        {"memory", "time"},
    ),
    # Rows and bytes
    "more rows than may be": ("SELECT * FROM range(1000000000)", {"rows"}),
    "rows made of a list": ("SELECT unnest(range(1000000))", {"rows"}),
    "wide rows": ("SELECT repeat('x', 10000) FROM range(1000000)", {"bytes", "memory"}),
    "one row too large": ("SELECT repeat('x', 50000000)", {"refused"}),
    "a structure too large": ("SELECT [repeat('x', 10000) FOR x IN range(5000)]", {"refused"}),
    # The text itself
    "deep parentheses": (f"SELECT {'(' * 40_000}1{')' * 40_000}", {"refused"}),
    "deep lists": (f"SELECT {'[' * 900}1{']' * 900}", {"refused", "answered", "memory", "time"}),
    "deep subqueries": (
        f"SELECT * FROM {'(SELECT * FROM ' * 250}trades{')' * 250}",
        {"refused", "rows", "bytes", "answered", "time", "memory"},
    ),
    "many unions": (
        "SELECT 1" + " UNION ALL SELECT 1" * 5_000,
        {"refused", "rows", "answered", "time", "memory"},
    ),
    "a huge literal": (f"SELECT '{'x' * 1_000_000}'", {"refused"}),
    "many columns": (
        f"SELECT {', '.join(f'{n} AS c{n}' for n in range(6_000))} FROM trades",
        {"rows", "bytes", "time", "memory", "answered"},
    ),
    "CTEs that double": (
        "WITH a0 AS (SELECT 1 AS x), "
        + ", ".join(f"a{n + 1} AS (SELECT * FROM a{n} UNION ALL FROM a{n})" for n in range(40))
        + " SELECT count(*) FROM a40",
        {"time", "memory", "refused"},
    ),
}
