"""Logging for every process: one line an event, named fields, secrets redacted at the root."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import TextIO

import structlog

REDACTED = "***"
# Shorter than this, a "secret" is more likely a common word, and cutting it would garble logs.
SHORTEST_SECRET = 4

# A token in a URL reaches handshake errors and libraries' debug lines: it is cut by shape too.
_TOKEN_IN_URL = re.compile(r"(?i)((?:token|secret|password|access_key|apikey)=)[^&\s\"'<>]+")


class Redactor:
    """Replaces known secrets, and anything that looks like one in a URL, in a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted(
            {s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True
        )

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return _TOKEN_IN_URL.sub(rf"\1{REDACTED}", text)


class _RedactingStream:
    """A text stream that every log line and traceback passes through last."""

    def __init__(self, stream: TextIO, redact: Redactor) -> None:
        self._stream = stream
        self._redact = redact

    def write(self, text: str) -> int:
        return self._stream.write(self._redact(text))

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def configure_logging(secrets: Iterable[str] = (), level: str = "INFO") -> None:
    """Set up logging for this process; called once, at the entry point.

    All of it, uncaught exceptions included, goes to standard error through one redactor that knows
    `secrets`; libraries' own log records take the same way.
    """
    stream = _RedactingStream(sys.stderr, Redactor(secrets))
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=stream.isatty(),
                    exception_formatter=structlog.dev.plain_traceback,
                    sort_keys=False,
                ),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # websocket-client and its peers print URLs at debug level.
    for noisy in ("websocket", "websockets", "urllib3", "botocore", "py4j"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = lambda kind, error, trace: logging.getLogger("uncaught").critical(
        "crashed", exc_info=(kind, error, trace)
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; calls take an event's name, then its fields: `log.info("connected", symbols=7)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
