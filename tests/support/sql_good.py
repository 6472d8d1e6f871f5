"""What people ask a lake of trades, all of which the console must let pass and answer.

`{snapshot}` stands for the id of a snapshot of `trades`.
"""

GOOD: tuple[str, ...] = (
    "SELECT 1",
    "select count(*) from trades",
    "FROM trades",
    "FROM trades SELECT symbol, price LIMIT 5;",
    "TABLE trades",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT * FROM lake.market.trades",
    'SELECT * FROM "lake"."market"."trades" LIMIT 3',
    "SELECT * FROM LAKE.market.trades LIMIT 3",
    "SELECT count(*) FROM Trades",
    "SELECT * FROM lake.market.trades AT (VERSION => {snapshot})",
    (
        "SELECT (SELECT count(*) FROM lake.market.trades)"
        " - (SELECT count(*) FROM lake.market.trades AT (VERSION => {snapshot})) AS added"
    ),
    (
        "SELECT t.symbol FROM trades t ANTI JOIN lake.market.trades AS o AT (VERSION => {snapshot})"
        " USING (kafka_partition, kafka_offset)"
    ),
    "SELECT * FROM rejected",
    "SELECT kind, count(*) FROM feed_events GROUP BY kind",
    "SELECT * EXCLUDE (conditions) REPLACE (round(price, 2) AS price) FROM trades LIMIT 5",
    "SELECT COLUMNS('.*_at') FROM trades LIMIT 1",
    "SELECT min(COLUMNS(* EXCLUDE (conditions))) FROM trades",
    "SELECT COLUMNS(c -> c LIKE 'kafka%') FROM trades LIMIT 1",
    # Bars and windows
    (
        "SELECT symbol, date_trunc('minute', event_time) AS bar_start,"
        " arg_min(price, (event_time, kafka_offset)) AS open, max(price) AS high,"
        " min(price) AS low,"
        " arg_max(price, (event_time, kafka_offset)) AS close, sum(size) AS volume"
        " FROM trades GROUP BY ALL ORDER BY ALL"
    ),
    "SELECT symbol, sum(price * size) / nullif(sum(size), 0) AS vwap FROM trades GROUP BY symbol",
    (
        "SELECT symbol, event_time, price - lag(price) OVER (PARTITION BY symbol ORDER"
        " BY event_time)"
        " AS change FROM trades QUALIFY change > 0"
    ),
    (
        "SELECT symbol, price, row_number() OVER w, rank() OVER w, ntile(4) OVER w FROM trades"
        " WINDOW w AS (PARTITION BY symbol ORDER BY price DESC NULLS LAST)"
    ),
    (
        "SELECT avg(price) OVER (ORDER BY event_time RANGE BETWEEN INTERVAL 1 MINUTE PRECEDING"
        " AND CURRENT ROW) FROM trades"
    ),
    (
        "SELECT symbol, first_value(price) OVER (PARTITION BY symbol ORDER BY event_time"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM trades"
    ),
    "SELECT sum(size) OVER (ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM trades",
    # CTEs, sets, subqueries
    "WITH a AS (SELECT * FROM trades) SELECT count(*) FROM a",
    "WITH trades AS (SELECT * FROM trades WHERE size > 0) SELECT count(*) FROM trades",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b",
    "WITH a AS MATERIALIZED (SELECT symbol FROM trades) FROM a UNION FROM a",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) FROM n",
    (
        "WITH big AS (SELECT symbol FROM trades GROUP BY symbol HAVING count(*) > 1)"
        " SELECT * FROM trades WHERE symbol IN (FROM big)"
    ),
    "SELECT symbol FROM trades UNION ALL SELECT 'x' EXCEPT SELECT 'y' ORDER BY 1",
    "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b",
    (
        "SELECT * FROM trades t WHERE price = (SELECT max(price) FROM trades u"
        " WHERE u.symbol = t.symbol)"
    ),
    "SELECT EXISTS (SELECT 1 FROM rejected), ARRAY(SELECT DISTINCT symbol FROM trades)",
    "SELECT * FROM trades WHERE price > ALL (SELECT size FROM trades)",
    "SELECT * FROM (SELECT symbol, count(*) AS n FROM trades GROUP BY 1) WHERE n > 1",
    # Joins
    "SELECT a.symbol, b.price FROM trades a JOIN trades b USING (kafka_partition, kafka_offset)",
    "SELECT a.symbol FROM trades a LEFT JOIN rejected r ON r.kafka_offset = a.kafka_offset",
    (
        "SELECT a.price, b.price FROM trades a ASOF JOIN trades b"
        " ON a.symbol = b.symbol AND a.event_time >= b.event_time LIMIT 5"
    ),
    "SELECT count(*) FROM trades a SEMI JOIN trades b USING (symbol)",
    "SELECT * FROM (VALUES (1)) a(x) CROSS JOIN (VALUES (2)) b(y)",
    "SELECT t.symbol, x FROM trades t, LATERAL (SELECT t.price * 2 AS x) LIMIT 3",
    "SELECT * FROM (SELECT 1 AS a) POSITIONAL JOIN (SELECT 2 AS b)",
    # Pivots, grouping
    "PIVOT trades ON symbol IN ('AAPL', 'MSFT') USING sum(size) GROUP BY source",
    (
        "SELECT * FROM (SELECT symbol, source, size FROM trades)"
        " PIVOT (sum(size) FOR symbol IN ('AAPL', 'MSFT'))"
    ),
    "UNPIVOT (SELECT symbol, price, size FROM trades) ON price, size INTO NAME what VALUE amount",
    (
        "SELECT symbol, source, count(*), grouping(symbol)"
        " FROM trades GROUP BY ROLLUP (symbol, source)"
    ),
    "SELECT symbol, count(*) FROM trades GROUP BY GROUPING SETS ((symbol), ())",
    "SELECT DISTINCT ON (symbol) symbol, price FROM trades ORDER BY symbol, event_time DESC",
    # Time
    "SELECT time_bucket(INTERVAL '5 minutes', event_time) AS b, count(*) FROM trades GROUP BY b",
    "SELECT event_time AT TIME ZONE 'America/New_York', extract(hour FROM event_time) FROM trades",
    (
        "SELECT strftime(event_time, '%Y-%m-%d'), epoch_us(event_time), dayname(event_time)"
        " FROM trades LIMIT 1"
    ),
    "SELECT now() - INTERVAL 1 DAY, current_date, today(), current_timestamp",
    "SELECT date_diff('second', received_at, event_time), age(received_at, event_time) FROM trades",
    "SELECT make_timestamptz(1700000000000000), TIMESTAMP '2026-01-01 00:00:00', DATE '2026-01-01'",
    "SELECT range FROM range(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', INTERVAL 1 HOUR)",
    "SELECT count(*) FROM trades WHERE event_time BETWEEN '2020-01-01' AND '2030-01-01'",
    # Functions and types
    (
        "SELECT quantile_cont(price, [0.5, 0.9]), median(price), stddev_samp(price), mode(symbol),"
        " approx_count_distinct(symbol), corr(price, size) FROM trades"
    ),
    (
        "SELECT histogram(symbol), string_agg(symbol, ',' ORDER BY symbol), list(price"
        " ORDER BY price)"
        " FROM trades"
    ),
    "SELECT count(*) FILTER (WHERE size > 1), bool_and(price > 0), any_value(source) FROM trades",
    "SELECT code, count(*) FROM (SELECT unnest(conditions) AS code FROM trades) GROUP BY code",
    "SELECT * FROM unnest([1, 2, 3]) AS t(x)",
    "SELECT i, i ** 2, i // 2, i % 3 FROM generate_series(1, 5) AS t(i)",
    (
        "SELECT list_transform(conditions, lambda c: c + 1), list_contains(conditions, 1),"
        " conditions[1], conditions[1:2], len(conditions) FROM trades"
    ),
    "SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1], {'a': 1}.a, MAP {'k': 1}['k']",
    (
        "SELECT CASE WHEN price > 100 THEN 'dear' ELSE 'cheap' END, coalesce(size, 0),"
        " price::DECIMAL(38, 12), try_cast(symbol AS INT), TRY(1 / 0), if(true, 1, 2) FROM trades"
    ),
    (
        "SELECT symbol ILIKE 'a%', symbol SIMILAR TO 'A.*', regexp_matches(symbol, '^A'),"
        " symbol ^@ 'A', upper(symbol), symbol || '!', split_part(symbol, ':', 1) FROM trades"
    ),
    "SELECT symbol.lower().length() FROM trades LIMIT 1",
    (
        "SELECT json_extract('{\"a\": 1}'::JSON, '$.a'), '{\"a\": 1}'::JSON ->> 'a',"
        " to_json(trades)"
        " FROM trades LIMIT 1"
    ),
    "SELECT key, value FROM json_each('{\"a\": 1}')",
    (
        "SELECT encode(symbol), hex(symbol), md5(symbol), hash(symbol), to_base64(encode(symbol))"
        " FROM trades LIMIT 1"
    ),
    "SELECT symbol COLLATE NOCASE FROM trades ORDER BY symbol COLLATE NOCASE",
    "SELECT * FROM trades USING SAMPLE 10 ROWS",
    "SELECT * FROM trades TABLESAMPLE reservoir(50%)",
    "SELECT random() < 2, uuid() IS NOT NULL, greatest(1, 2), 5 IS DISTINCT FROM NULL",
    "SELECT * FROM trades ORDER BY price DESC NULLS LAST LIMIT 10 OFFSET 2",
    "SELECT * FROM trades LIMIT 10%",
    # Looking around
    "DESCRIBE trades",
    "DESCRIBE lake.market.rejected",
    "DESCRIBE SELECT symbol, price FROM trades",
    "SHOW trades",
    "SHOW TABLES",
    "SHOW TABLES FROM lake.market",
    "SUMMARIZE SELECT price, size FROM trades",
    "EXPLAIN SELECT count(*) FROM trades",
    "EXPLAIN ANALYZE SELECT count(*) FROM trades",
    "/* a comment; with a semicolon */ explain -- and another\n select 'ends; not'",
    "SELECT 'SET threads = 8; DROP TABLE x' AS text -- ; ATTACH 'x'",
    "SELECT 'read_csv(''/etc/passwd'')' AS words, 'Zürich 東京 🚀' AS \"naïve\"",
)
