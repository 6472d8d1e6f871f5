"""Programs that try what must not be possible, run inside a stack's containers.

Each prints a JSON object: what was tried -> what came of it, `refused: ...` or `ACCEPTED`. They use
what the image holds and nothing of ours but the settings, which find the addresses. What a refusal
is worth is for `unproven` to say.
"""

from collections.abc import Mapping

# The program's own, and those of one that never reached a server that could refuse it.
_FAULTS = ("NameError", "TypeError", "AttributeError", "SyntaxError", "ImportError")
_UNREACHED = (
    *("ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"),
    *("ConnectTimeout", "ReadTimeout", "TimeoutError", "URLError", "gaierror"),
)
# As the store's client, whose every error is an OSError, words the same.
_UNREACHED_WORDS = ("NETWORK_CONNECTION", "curlCode")


def unproven(results: Mapping[str, str], *, answered: bool = True) -> list[str]:
    """Attempts that were accepted, and those whose failure is no refusal.

    That is a fault of the attempt itself and, unless `answered` is False, a server that was never
    reached: where a network keeps it away, just that is the refusal.
    """
    kinds = (*_FAULTS, *(_UNREACHED if answered else ()))
    words = _UNREACHED_WORDS if answered else ()
    return [
        f"{name}: {how}"
        for name, how in results.items()
        if not how.startswith("refused: ")
        or how.removeprefix("refused: ").partition(":")[0] in kinds
        or any(word in how for word in words)
    ]


TRY = """
import json, os, urllib.error, urllib.request
from catalog.settings import BrokerSettings, LakeSettings

results = {}

def attempt(name, act):
    try:
        act()
    except BaseException as error:
        results[name] = f"refused: {type(error).__name__}: {str(error)[:400]}"
    else:
        results[name] = "ACCEPTED"

def http(method, url, headers=None, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    asked = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read()

DEFAULTS = [("minioadmin", "minioadmin"), ("minio", "minio123"), ("minio", "minio"),
            ("admin", "admin"), ("admin", "password"), ("root", "root"), ("root", "password"),
            ("tapehouse", "tapehouse"), ("any", "any"), ("AKIAIOSFODNN7EXAMPLE", "x" * 40),
            ("writer", "writer"), ("reader", "reader"), ("catalog", "catalog"), ("user", "user"),
            ("test", "test")]
"""

LOGINS_AT_THE_STORE = (
    TRY
    + """
from pyarrow.fs import FileSelector, S3FileSystem
lake = LakeSettings.read()

def open_store(**keys):
    store = S3FileSystem(endpoint_override=lake.store_endpoint.removeprefix("http://"),
                         scheme="http", region=lake.store_region, **keys)
    store.get_file_info(FileSelector("lake"))

attempt("store: anonymous", lambda: open_store(anonymous=True))
for user, password in DEFAULTS:
    attempt(f"store: {user}:{password}",
            lambda u=user, p=password: open_store(access_key=u, secret_key=p))
attempt("store: our user, another's password",
        lambda: open_store(access_key=lake.store_access_key, secret_key="wrong" * 8))
print(json.dumps(results))
"""
)

LOGINS_AT_THE_CATALOG = (
    TRY
    + """
lake = LakeSettings.read()
url = f"{lake.catalog_uri}/v1/namespaces"
attempt("catalog: anonymous", lambda: http("GET", url))
for token in ("", "null", "undefined", "token", "admin", "password", "test", "writer", "reader"):
    attempt(f"catalog: Bearer {token}",
            lambda t=token: http("GET", url, {"Authorization": f"Bearer {t}"}))
for given in ("Basic YWRtaW46YWRtaW4=", "Basic Og==", "Negotiate x", "bearer"):
    attempt(f"catalog: {given}", lambda g=given: http("GET", url, {"Authorization": g}))
print(json.dumps(results))
"""
)

LOGINS_AT_KAFKA = (
    TRY
    + """
import threading
from confluent_kafka.admin import AdminClient
broker = BrokerSettings.read()

def connect(**config):
    client = AdminClient({"bootstrap.servers": broker.server, "log_level": 0, **config})
    client.list_topics(timeout=5)

tries = {"kafka: anonymous": {}}
for user, password in DEFAULTS[:9]:
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        tries[f"kafka: {mechanism} {user}:{password}"] = {
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
            "sasl.username": user, "sasl.password": password}
threads = [threading.Thread(target=attempt, args=(name, lambda c=config: connect(**c)))
           for name, config in tries.items()]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
connect(**{name: value for name, value in broker.client_config().items()
           if name != "bootstrap.servers"})  # with our own password it works
print(json.dumps(results))
"""
)

LOGINS_AT_THE_CONSOLE = (
    TRY
    + """
url, token = os.environ["TAPEHOUSE_CONSOLE_URL"], os.environ["TAPEHOUSE_CONSOLE_TOKEN"]
question = {"user": "stranger", "sql": "SELECT 1"}

def ask(headers):
    return http("POST", f"{url}/ask", headers, question)

assert ask({"Authorization": f"Bearer {token}"})  # with our own token it works
attempt("console: anonymous", lambda: ask({}))
attempt("console: health, anonymous", lambda: http("GET", f"{url}/health"))
for given in ("", "token", "admin", "console", "null", "reader"):
    attempt(f"console: Bearer {given}", lambda g=given: ask({"Authorization": f"Bearer {g}"}))
attempt("console: a part of the token", lambda: ask({"Authorization": f"Bearer {token[:-1]}"}))
attempt("console: the token as a password", lambda: ask({"Authorization": f"Basic {token}"}))
print(json.dumps(results))
"""
)

READERS_WRITES = (
    TRY
    + """
import pyarrow as pa
from pyarrow.fs import S3FileSystem
from pyiceberg.catalog import load_catalog
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

lake = LakeSettings.read()
store = S3FileSystem(endpoint_override=lake.store_endpoint.removeprefix("http://"), scheme="http",
                     region=lake.store_region, access_key=lake.store_access_key,
                     secret_key=lake.store_secret_key.get_secret_value(),
                     allow_bucket_creation=True, allow_bucket_deletion=True)
catalog = load_catalog("lake", type="rest", **lake.catalog_properties())
table = catalog.load_table("market.trades")
assert table.current_snapshot() is not None  # reading is what it may
data_file = next(iter(table.scan(limit=1).plan_files())).file.file_path.removeprefix("s3://")
metadata = table.metadata_location.removeprefix("s3://")

def write(path):
    with store.open_output_stream(path) as out:
        out.write(b"not ours")

attempt("store: put an object", lambda: write("lake/intruder"))
attempt("store: put beside the table's data", lambda: write(f"{data_file}.extra"))
attempt("store: overwrite a data file", lambda: write(data_file))
attempt("store: overwrite the metadata", lambda: write(metadata))
attempt("store: delete a data file", lambda: store.delete_file(data_file))
attempt("store: delete the metadata", lambda: store.delete_file(metadata))
attempt("store: copy an object", lambda: store.copy_file(data_file, "lake/copy"))
attempt("store: move an object", lambda: store.move(data_file, "lake/moved"))
attempt("store: make a bucket", lambda: store.create_dir("intruders"))
attempt("store: delete the table's folder", lambda: store.delete_dir(data_file.rpartition("/")[0]))
attempt("catalog: make a namespace", lambda: catalog.create_namespace("intruders"))
attempt("catalog: drop the namespace", lambda: catalog.drop_namespace("market"))
attempt("catalog: change the namespace",
        lambda: catalog.update_namespace_properties("market", updates={"a": "b"}))
attempt("catalog: make a table", lambda: catalog.create_table(
    "market.intruder", Schema(NestedField(1, "n", LongType(), required=False))))
attempt("catalog: drop a table", lambda: catalog.drop_table("market.rejected"))
attempt("catalog: purge a table", lambda: catalog.purge_table("market.rejected"))
attempt("catalog: rename a table", lambda: catalog.rename_table("market.trades", "market.gone"))
attempt("catalog: register a table",
        lambda: catalog.register_table("market.copy", table.metadata_location))
attempt("catalog: append rows", lambda: table.append(table.scan(limit=1).to_arrow()))
attempt("catalog: delete rows", lambda: table.delete("price > 0"))

def properties():
    with table.transaction() as change:
        change.set_properties({"owner": "intruder"})

attempt("catalog: set a property", properties)
attempt("catalog: tag", lambda: table.manage_snapshots().create_tag(
    table.current_snapshot().snapshot_id, "intruder").commit())

def schema():
    with table.update_schema() as change:
        change.add_column("intruder", LongType())

attempt("catalog: add a column", schema)
token = lake.token.get_secret_value()
if token:
    bearer = {"Authorization": f"Bearer {token}"}
    url = f"{lake.catalog_uri}/v1/namespaces/market/tables/trades"
    attempt("catalog: bare DELETE", lambda: http("DELETE", url, bearer))
    attempt("catalog: bare POST", lambda: http("POST", url, bearer, {"updates": []}))
    attempt("catalog: bare PUT", lambda: http("PUT", url, bearer, {}))
    attempt("catalog: a method in a header", lambda: http(
        "POST", url, {**bearer, "X-HTTP-Method-Override": "GET"}, {"updates": []}))
print(json.dumps(results))
"""
)

READER_REACHES = (
    TRY
    + """
import socket
for name, port in (("kafka", 9092), ("spark-master", 7077), ("catalog", 8181), ("simulator", 8765)):
    attempt(name, lambda n=name, p=port: socket.create_connection((n, p), 3).close())
print(json.dumps(results))
"""
)
