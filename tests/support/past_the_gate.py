"""What the console's process would do with SQL that got past the gate: a program of its own.

Reads `{"start": ..., "confined": ..., "sql": [...]}` from standard input, answers with a JSON list:
what each statement gave, or its error.
"""

import json
import sys
from urllib.parse import urlsplit

import duckdb

from catalog.settings import LakeSettings
from serving.console import confine
from serving.console.sealed import open_sealed


def main() -> None:
    order = json.load(sys.stdin)
    settings = LakeSettings.read(**order["settings"])
    held = []
    if order["confined"]:
        confine.limit(256_000_000)
        held = confine.give_up([urlsplit(settings.catalog_uri).port or 443])
    database = open_sealed(settings, memory_limit="256MB", threads=1)
    answers = [_run(database, sql) for sql in order["sql"]]
    json.dump({"held": held, "answers": answers}, sys.stdout)


def _run(database: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    try:
        return {"rows": str(database.execute(sql).fetchall())}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
