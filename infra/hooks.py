"""What is said when a container or an image fails: the service's name and its last words."""

import asyncio
from collections.abc import Mapping, Sequence

import pulumi

from catalog.errors import TapehouseError
from infra.engine import Engine

_LINES = 15


def explaining_hooks(engine: Engine) -> pulumi.ResourceHookBinding:
    """Hooks for every container: a failure names the service and shows its last log lines."""

    async def explain(failure: pulumi.ErrorHookArgs) -> bool:
        if failure.failed_operation != "delete":
            text = await asyncio.to_thread(last_words, engine, failure)
            pulumi.log.error(text)
        return False  # No other try: it would find the failed container in its way.

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("explain-failure", explain)])


def naming_hooks(users: Mapping[str, Sequence[str]]) -> pulumi.ResourceHookBinding:
    """Hooks for every image: a failure names the services that run on it."""

    def name_them(failure: pulumi.ErrorHookArgs) -> bool:
        names = sorted(users.get(failure.name, ()))
        if failure.failed_operation != "delete" and names:
            pulumi.log.error(
                f"service {', '.join(names)} failed: the image {failure.name} cannot be had. The"
                " error of that image says why."
            )
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("name-users", name_them)])


def last_words(engine: Engine, failure: pulumi.ErrorHookArgs) -> str:
    """The message for the container whose making failed."""
    container = str((failure.new_inputs or {}).get("name", failure.name))
    try:
        log = engine.logs(container, _LINES).rstrip()
    except TapehouseError:
        log = ""
    if not log:
        return f"service {failure.name} failed before it said anything."
    lines = "\n".join(f"    {line}" for line in log.splitlines())
    return f"service {failure.name} failed. The last lines of its log:\n{lines}"
