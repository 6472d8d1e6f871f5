"""The S3 store, and the job that makes its bucket, its users and what each of them may do."""

from infra.container import Role


class ObjectStore(Role):
    """Where the tables' files are."""

    roles = ("store", "ensure-store")
