"""What a question may say: one SELECT, over tables, functions and forms that are listed here.

DuckDB's own parser makes the tree (`json_serialize_sql`), and every node of it must be of a known
kind: what a later version adds is refused until somebody lets it in. Nothing is looked up and
nothing is run. How much a question may cost is not decided here but by the limits of the process
that runs it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from catalog.errors import QueryError
from catalog.schema import NAMESPACE, TABLES
from serving.console.functions import FUNCTIONS, TABLE_FUNCTIONS
from serving.queries import ATTACHED

LONGEST_BYTES = 100_000

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_PARSER: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "threads": 1,
}
_SERIALIZE = (
    "SELECT json_serialize_sql($1::VARCHAR,"
    " skip_null := true, skip_empty := true, skip_default := true)"
)
_EXPRESSIONS = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "DEFAULT",
    "FUNCTION",
    "LAMBDA",
    "LAMBDA_REF",
    "OPERATOR",
    "PARAMETER",
    "POSITIONAL_REFERENCE",
    "STAR",
    "SUBQUERY",
    "TYPE",
    "WINDOW",
}
# Nodes without a class: queries, sources of rows, modifiers, orders, and details of types.
_OTHERS = {
    "BASE_TABLE",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "PIVOT",
    "SHOW_REF",
    "SUBQUERY",
    "TABLE_FUNCTION",
    "CTE_NODE",
    "RECURSIVE_CTE_NODE",
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "DISTINCT_MODIFIER",
    "LIMIT_MODIFIER",
    "LIMIT_PERCENT_MODIFIER",
    "ORDER_MODIFIER",
    "ASCENDING",
    "DESCENDING",
    "ORDER_DEFAULT",
}
_WHOLE_NAMES = {table.name for table in TABLES}

Node = Mapping[str, Any]
Scope = frozenset[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A question that passed: what to run, and whether it asks for the list of tables."""

    text: str
    lists_tables: bool = False


def check(text: str, plain_names: Collection[str]) -> Checked:
    """Let one reading statement pass; `plain_names` are the tables it may name without a catalog.

    Raises QueryError with what is not allowed, or where the SQL is wrong.
    """
    if len(text.encode(errors="replace")) > LONGEST_BYTES:
        raise QueryError(f"The SQL is too long: at most {LONGEST_BYTES} bytes are taken.")
    if "\0" in text:
        raise QueryError("The SQL holds a NUL character.")
    # Shut as well: DuckDB expands some pragmas, IMPORT DATABASE among them, while it parses.
    with duckdb.connect(config=_PARSER) as parser:
        kind = _one_statement(parser, text)
        prefix, select = "", text
        if kind == duckdb.StatementType.EXPLAIN:
            prefix, select = _without_explain(text)
        tree = _parse(parser, select)
    walk = _Walk(frozenset(_lower(name) for name in plain_names))
    walk.visit(tree, frozenset())
    return Checked(prefix + select, walk.lists_tables)


def _one_statement(parser: duckdb.DuckDBPyConnection, text: str) -> duckdb.StatementType:
    try:
        statements = parser.extract_statements(text)
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    if [one.type for one in statements] == [
        duckdb.StatementType.CREATE,
        duckdb.StatementType.SELECT,
    ] and not any(one.query for one in statements):
        raise QueryError(
            "PIVOT finds its columns by a statement of its own here: say which it shall have, as in"
            " PIVOT trades ON symbol IN ('AAPL', 'MSFT') USING sum(size)."
        )
    if len(statements) != 1:
        raise QueryError(f"One statement at a time is allowed; {len(statements)} were given.")
    kind: duckdb.StatementType = statements[0].type
    if kind not in _READING:
        raise QueryError(
            f"{kind.name} is not allowed: the lake is read-only here. Use SELECT, DESCRIBE, SHOW,"
            " SUMMARIZE or EXPLAIN."
        )
    return kind


def _without_explain(text: str) -> tuple[str, str]:
    """EXPLAIN [ANALYZE], and the rest, which is then judged as a statement of its own."""
    raw = text.encode()
    starts = [place for place, _ in duckdb.tokenize(text)]
    words = [
        raw[start:end].split(maxsplit=1)[0].lower()
        for start, end in zip(starts, [*starts[1:], len(raw)], strict=True)
    ]
    prefix = "EXPLAIN ANALYZE " if words[1:2] == [b"analyze"] else "EXPLAIN "
    taken = len(prefix.split())
    if words[:1] != [b"explain"] or len(starts) <= taken:
        raise QueryError("EXPLAIN takes a SELECT here: EXPLAIN [ANALYZE] SELECT ...")
    return prefix, raw[starts[taken] :].decode()


def _parse(parser: duckdb.DuckDBPyConnection, text: str) -> Node:
    try:
        row = parser.execute(_SERIALIZE, [text]).fetchone()
        tree: Node = json.loads(row[0]) if row else {}
    except (duckdb.Error, ValueError, RecursionError) as error:
        raise QueryError(f"The SQL cannot be taken apart: {error}") from None
    if tree.get("error", True) or len(tree.get("statements", ())) != 1:
        reason = tree.get("error_message", "one SELECT was expected")
        raise QueryError(f"The SQL is not allowed, or wrong: {reason}")
    return tree["statements"][0]  # type: ignore[no-any-return]


class _Walk:
    def __init__(self, plain_names: frozenset[str]) -> None:
        self._plain_names = plain_names
        self.lists_tables = False

    def visit(self, node: object, scope: Scope) -> None:
        """Judge a node and all below it; `scope` holds the names of the CTEs seen from there."""
        pending = [(node, scope)]
        # A stack of our own: a deep tree must not end Python.
        while pending:
            one, known = pending.pop()
            if isinstance(one, list):
                pending.extend((part, known) for part in one)
            elif isinstance(one, dict):
                pending.extend(self._parts(one, known))

    def _parts(self, node: Node, scope: Scope) -> list[tuple[object, Scope]]:
        self._check_kind(node)
        if "function_name" in node:
            self._check_function(node)
        kind = None if "class" in node else node.get("type")
        if kind == "BASE_TABLE":
            self._check_table(node, scope)
        elif kind == "TABLE_FUNCTION":
            self._check_table_function(node)
        elif kind == "SHOW_REF":
            self._check_show(node)
        if kind == "RECURSIVE_CTE_NODE":
            scope |= {_lower(str(node.get("cte_name", "")))}
        # The names and literals of a user never become keys of this tree, only values.
        parts: list[tuple[object, Scope]] = []
        inner = scope
        for entry in node.get("cte_map", {}).get("map", []):
            parts.append((entry["value"], inner))
            inner |= {_lower(entry["key"])}
        parts.extend((value, inner) for key, value in node.items() if key != "cte_map")
        return parts

    def _check_kind(self, node: Node) -> None:
        kind, group = node.get("type"), node.get("class")
        if group is not None:
            if group not in _EXPRESSIONS:
                raise QueryError(f"An expression of the kind {group} is not allowed here.")
        elif isinstance(kind, str) and kind not in _OTHERS and not kind.endswith("_TYPE_INFO"):
            raise QueryError(f"A part of the kind {kind} is not allowed here.")

    def _check_function(self, node: Node) -> None:
        name = _lower(node["function_name"])
        if name not in FUNCTIONS | TABLE_FUNCTIONS:
            raise QueryError(
                f"The function {name} is not allowed here: only those that compute from their"
                " arguments are."
            )

    def _check_table_function(self, node: Node) -> None:
        function = node.get("function", {})
        name = _lower(str(function.get("function_name", "")))
        if function.get("class") != "FUNCTION" or name not in TABLE_FUNCTIONS:
            raise QueryError(
                f"The table function {name or '?'} is not allowed here. Allowed:"
                f" {', '.join(sorted(TABLE_FUNCTIONS))}."
            )

    def _check_table(self, node: Node, scope: Scope) -> None:
        place = _lower(node.get("catalog_name", "")), node.get("schema_name", "")
        name = node.get("table_name", "")
        # The catalog tells upper and lower case apart in its names, DuckDB in its own does not.
        if place == (ATTACHED, NAMESPACE) and name in _WHOLE_NAMES:
            self._check_at(node.get("at_clause"))
            return
        name = _lower(name)
        if "at_clause" in node:
            raise QueryError(
                f"AT works on {ATTACHED}.{NAMESPACE}.NAME only, not on {name}; --as-of moves the"
                " plain names."
            )
        if place == ("", "") and name in scope | self._plain_names:
            return
        if place == ("", "recurring") and name in scope:
            return
        whole = ".".join(part for part in (*place, name) if part)
        raise QueryError(
            f"There is no table {whole} here. Tables:"
            f" {', '.join(sorted(self._plain_names))}, and each as {ATTACHED}.{NAMESPACE}.NAME."
        )

    def _check_at(self, clause: Node | None) -> None:
        if clause is None:
            return
        if clause.get("unit", "").upper() != "VERSION":
            raise QueryError(
                "AT (TIMESTAMP => ...) answers with another moment where one has expired; use"
                " --as-of, or AT (VERSION => snapshot id)."
            )
        if clause.get("expr", {}).get("class") != "CONSTANT":
            raise QueryError("AT (VERSION => ...) takes a snapshot id, a plain number.")

    def _check_show(self, node: Node) -> None:
        kind = node.get("show_type")
        if kind in {"DESCRIBE", "SUMMARY"} and "query" in node:
            return
        shown = node.get("table_name", "").strip('"')
        place = node.get("catalog_name"), node.get("schema_name")
        if kind == "SHOW_UNQUALIFIED" and shown in {"tables", "__show_tables_expanded"}:
            self.lists_tables = True
        elif kind != "SHOW_FROM" or place != (ATTACHED, NAMESPACE):
            raise QueryError("Of SHOW, only SHOW TABLES and SHOW ALL TABLES are allowed here.")


def _lower(name: str) -> str:
    # As DuckDB does it, in ASCII alone: Python's lower() makes a k of the Kelvin sign.
    return "".join(c.lower() if c.isascii() else c for c in name)
