"""The console: where people's SQL runs, apart from all else."""

from infra.container import Role


class Console(Role):
    """It can read the lake and reach nothing else, neither the feed's side nor the world."""

    roles = ("console",)
