"""Logs: one JSON object a line on standard error, events rather than sentences, one id per message from accept to proof."""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog

Level = Literal["debug", "info", "warning", "error"]
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _StandardError:
    """Standard error as it is at the moment of writing, not as it was when logging was set up."""

    def write(self, text: str) -> int:
        """Write where standard error goes now."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Pass on what is held back."""
        sys.stderr.flush()


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send events to `stream` (standard error) as JSON; third-party loggers only from warnings on."""
    out = cast(TextIO, stream or _StandardError())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=out, format="%(name)s %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every command and body line


def level() -> str:
    """Return from which level on events are written: children of this process shall say no more than it does."""
    here = structlog.get_logger().bind().get_effective_level()
    return next((name for name, number in LEVELS.items() if number == here), "info")


log: structlog.stdlib.BoundLogger = structlog.get_logger()
