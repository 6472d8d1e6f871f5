"""Queries to begin with: what each answers, and its SQL over the names of `serving.views`."""

EXAMPLES: dict[str, str] = {
    "Trades and volume of each symbol": """\
SELECT symbol, count(*) AS trades, sum(size) AS volume, sum(trade_value) AS traded_value
FROM trades
GROUP BY symbol
ORDER BY traded_value DESC""",
    "The last trade of each symbol": """\
SELECT symbol, price, size, event_time, received_at
FROM latest
ORDER BY event_time DESC""",
    "The last 100 trades": """\
SELECT event_time, symbol, price, size, conditions
FROM trades
ORDER BY event_time DESC, kafka_offset DESC
LIMIT 100""",
    "One-minute bars with VWAP": """\
SELECT bar_start, symbol, open, high, low, close, volume, vwap, trade_count
FROM bars_1m
ORDER BY bar_start DESC, symbol
LIMIT 500""",
    "The widest bars, in basis points": """\
SELECT symbol, bar_start, 1e4 * (high - low) / low AS range_bp, trade_count
FROM bars_1m
WHERE low > 0
ORDER BY range_bp DESC
LIMIT 50""",
    "Trades a second, over time": """\
SELECT time_bucket(INTERVAL 1 MINUTE, event_time) AS minute, count(*) / 60 AS trades_per_second
FROM trades
GROUP BY minute
ORDER BY minute""",
    "Volume-weighted price of each hour": """\
SELECT symbol, date_trunc('hour', event_time) AS hour, sum(price * size) / sum(size) AS vwap
FROM trades
WHERE size > 0
GROUP BY ALL
ORDER BY hour, symbol""",
    "Conditions, and how many trades carry each": """\
SELECT code, count(*) AS trades
FROM (SELECT unnest(conditions) AS code FROM trades)
GROUP BY code
ORDER BY trades DESC""",
    "From the venue to our process, and on to Kafka": """\
SELECT symbol,
  quantile_cont(epoch_ms(received_at) - epoch_ms(event_time), [0.5, 0.99]) AS received_ms,
  quantile_cont(epoch_ms(kafka_time) - epoch_ms(received_at), [0.5, 0.99]) AS kafka_ms,
  count(*) AS n
FROM trades
GROUP BY symbol
ORDER BY symbol""",
    "Exactly once: offsets without a double or a hole": """\
SELECT kafka_partition, count(*) AS rows, count(DISTINCT kafka_offset) AS offsets,
  max(kafka_offset) - min(kafka_offset) + 1 AS span
FROM (SELECT kafka_partition, kafka_offset FROM trades UNION ALL
  SELECT kafka_partition, kafka_offset FROM rejected WHERE kafka_topic NOT LIKE '%.rejected')
GROUP BY kafka_partition
ORDER BY kafka_partition""",
    "What was rejected, and why": """\
SELECT reason, count(*) AS messages, max(received_at) AS last
FROM rejected
GROUP BY reason
ORDER BY messages DESC""",
    "What happened to the feed": """\
SELECT to_time, kind, symbol, detail
FROM feed_events
ORDER BY to_time DESC
LIMIT 200""",
    "The tables and what they hold": """\
SHOW ALL TABLES""",
}
