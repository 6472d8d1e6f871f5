"""The Iceberg REST catalog, the proxy that asks for a token, and the job that makes tables."""

from infra.container import Role


class RestCatalog(Role):
    """Which files are the tables, now and at every moment that is kept."""

    roles = ("catalog", "catalog-proxy", "ensure-tables")
