"""A reader of the lake as any DuckDB user would be one: how old is each trade when it first shows?

Run as a process of its own. Prints a line of JSON for each batch of trades seen:
[seen at, [received at, ...]], times in microseconds. It ends with an error if it missed a trade.
"""

import json
import sys
import time

from catalog.settings import LakeSettings
from serving import Lake

POLL_SECONDS = 0.1
# Offsets say which trades are new. The time lets DuckDB skip files, as its users' queries do. A
# trade that is on its way for longer than this leaves a hole in the offsets, which is noticed.
MARGIN_MICROSECONDS = 10_000_000

SEEN = """
    SELECT kafka_partition AS place, max(kafka_offset) AS seen,
        epoch_us(max(received_at)) AS received
    FROM lake.market.trades GROUP BY 1
"""
NEW = """
    SELECT kafka_partition AS place, kafka_offset AS seen, epoch_us(received_at) AS received
    FROM lake.market.trades WHERE received_at >= make_timestamptz({}) AND ({})
"""


def main() -> None:
    with Lake.open(LakeSettings.read(), threads=1) as lake:
        first = lake.sql(SEEN).to_pylist()
        seen = {row["place"]: row["seen"] for row in first}
        newest = max(row["received"] for row in first)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            beyond = [f"(kafka_partition = {p} AND kafka_offset > {o})" for p, o in seen.items()]
            query = NEW.format(newest - MARGIN_MICROSECONDS, " OR ".join(beyond))
            rows = lake.sql(query).to_pylist()
            now = time.time_ns() // 1000
            for place, held in seen.items():
                new = [row["seen"] for row in rows if row["place"] == place]
                seen[place] = max(new, default=held)
                if len(new) != seen[place] - held:
                    sys.exit(f"of {seen[place] - held} trades, {len(new)} were seen")
            if rows:
                newest = max(newest, *(row["received"] for row in rows))
                sys.stdout.write(json.dumps([now, [row["received"] for row in rows]]) + "\n")
                sys.stdout.flush()
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
