"""Ask Spark one query, in a process of its own: `python -m tests.support.spark_query SQL FILE`.

Reads the product's settings from the environment and writes the answer as an Arrow file.
"""

import sys

import pyarrow as pa

from catalog.settings import LakeSettings
from streaming.session import open_session
from streaming.settings import StreamingSettings


def main(query: str, path: str) -> None:
    with open_session(StreamingSettings.read(), LakeSettings.read()) as spark:
        answer = spark.sql(query).toArrow()
    with pa.ipc.new_file(path, answer.schema) as file:
        file.write_table(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
