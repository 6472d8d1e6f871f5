"""Errors across processes: one of our modules ends with an error's exit code and its text."""

from catalog.errors import ServiceError, TapehouseError, kind_of


def error_of(code: int, stderr: bytes, service: str) -> TapehouseError:
    """The error that a command in the service's container told, of the same kind as there."""
    text = stderr.decode(errors="replace").strip()
    kind = kind_of(code)
    if kind is None or not text:
        return ServiceError(
            f"The container of {service} cannot be asked: {text or f'exit code {code}'}."
            " `tapehouse --stack NAME status` tells how it is."
        )
    return kind(text)
