"""The page: the one service that anyone outside the engine can reach."""

from infra.container import Role


class Dashboard(Role):
    """It can read, and nothing else: not the keys, nor the networks, for more."""

    roles = ("dashboard",)
