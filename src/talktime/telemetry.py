"""What a server tells its operator, on standard error: one JSON object a line, or a line for people in a terminal."""

import sys

import structlog


def configure_log(*, for_people: bool = False) -> None:
    """Log as JSON lines from now on, in this process, or so that it is pleasant to watch."""
    renderers: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # As text without variables: rendering those takes seconds, while phones ring, and shows who calls whom.
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    if for_people:
        renderers = [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                pad_event_to=26, pad_level=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *renderers],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
