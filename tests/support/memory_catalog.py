"""A catalog in memory over a folder, for tests of what is committed and not of who keeps it.

pyiceberg's own needs a database library; this one checks requirements and applies updates by
pyiceberg's own code, as a REST server would, against the newest metadata.
"""

from pathlib import Path
from typing import Any

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import update_table_metadata
from pyiceberg.typedef import Identifier


class MemoryCatalog(NoopCatalog):
    """Tables by identifier; what is loaded is the newest metadata."""

    def __init__(self, folder: Path) -> None:
        super().__init__("lake")
        self._folder = folder
        self._tables: dict[Identifier, TableMetadata] = {}

    def create_namespace(self, namespace: Any, properties: Any = None) -> None:
        pass

    def list_tables(self, namespace: Any) -> list[Identifier]:
        return list(self._tables)

    def create_table_if_not_exists(
        self, identifier: Any, schema: Any, partition_spec: Any, properties: Any, **_: Any
    ) -> Table:
        location = f"file://{self._folder}/{identifier}"
        self._tables.setdefault(
            self.identifier_to_tuple(identifier),
            new_table_metadata(
                schema, partition_spec, UNSORTED_SORT_ORDER, location, dict(properties)
            ),
        )
        return self.load_table(identifier)

    def load_table(self, identifier: Any) -> Table:
        name = self.identifier_to_tuple(identifier)
        metadata = self._tables[name]
        return Table(name, metadata, f"{metadata.location}/metadata.json", PyArrowFileIO(), self)

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        current = self._tables[table.name()]
        for requirement in requirements:
            requirement.validate(current)
        changed = update_table_metadata(current, updates)
        self._tables[table.name()] = changed
        location = f"{changed.location}/metadata.json"
        return CommitTableResponse.model_validate(
            {"metadata": changed, "metadata-location": location}
        )
