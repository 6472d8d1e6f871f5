"""Errors across processes: one of our modules ends with an error's exit code and its text."""

from catalog import errors
from catalog.errors import ServiceError, TapehouseError

# 1 is left out: it is also what Python ends with when it crashes.
_KINDS: dict[int, type[TapehouseError]] = {
    kind.exit_code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, TapehouseError)
    and "exit_code" in vars(kind)
    and kind is not TapehouseError
}


def kind_of(code: int) -> type[TapehouseError]:
    """The kind of error that ends one of our modules with this code, ServiceError if none does."""
    return _KINDS.get(code, ServiceError)


def error_of(code: int, stderr: bytes, service: str) -> TapehouseError:
    """The error that a command in the service's container told, of the same kind as there."""
    text = stderr.decode(errors="replace").strip()
    kind = _KINDS.get(code)
    if kind is None or not text:
        return ServiceError(
            f"The container of {service} cannot be asked: {text or f'exit code {code}'}."
            " `tapehouse --stack NAME status` tells how it is."
        )
    return kind(text)
