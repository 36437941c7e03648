"""What a server tells its operator: one JSON object a line on standard error."""

import sys

import structlog


def configure_log() -> None:
    """Log as JSON lines from now on, in this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # As text without variables: rendering those takes seconds, while phones ring, and shows who calls whom.
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
