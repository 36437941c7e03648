"""The log, on standard error: one JSON object a line, or a line for people in a terminal; no number in full.

Who called whom is personal data, and logs are copied further than databases: of seven digits in a row, or of what looks
like a telephone number, three are shown. That holds for every text in the log, tracebacks and other libraries included.
"""

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import structlog

SHOWN_DIGITS = 3
# Not within a word of hexadecimal digits, such as an id.
_NUMBER = re.compile(r"(?<![0-9a-fA-F])(?:\+\d(?:[ ().\-/]{0,2}\d){6,}|\d{7,})(?![0-9a-fA-F])")


def configure_log(*, for_people: bool = False) -> None:
    """Log as JSON lines from now on, in this process, or so that it is pleasant to watch."""
    timestamps = structlog.processors.TimeStamper(fmt="%H:%M:%S" if for_people else "iso", utc=not for_people)
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if for_people:
        renderer = structlog.dev.ConsoleRenderer(pad_event_to=26, pad_level=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            # As text without variables: rendering those takes seconds, while phones ring, and shows who calls whom.
            structlog.processors.format_exc_info,
            _mask_numbers,
            timestamps,
            renderer,
        ],
        logger_factory=lambda *_: structlog.WriteLogger(_StandardError()),  # type: ignore[arg-type]
    )


def log_what_others_say() -> None:
    """Have other libraries' warnings, and threads that fail, said by our log: for a process that is ours alone."""
    logging.basicConfig(handlers=[_Forwarding()], level=logging.WARNING, force=True)
    threading.excepthook = _say_thread_failed


def masked(text: str) -> str:
    """Return a text with its telephone numbers cut down to their last digits."""
    return _NUMBER.sub(lambda found: f"…{found[0][-SHOWN_DIGITS:]}", text)


class _StandardError:
    """Writes what can be written: a log whose disk is full must not end the thread that charges."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


class _Forwarding(logging.Handler):
    """Hands records of the standard library's log to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _say_thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread is not None else ""
    structlog.get_logger().critical("thread_failed", thread=name, exc_info=failed.exc_value)


def _mask_numbers(_logger: object, _name: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: _masked_value(value) for name, value in said.items()}


def _masked_value(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {name: _masked_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else masked(repr(value))
