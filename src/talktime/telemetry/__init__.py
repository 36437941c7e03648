"""What a server tells its operator: its log, a line for each request, and what it has counted."""

from talktime.telemetry.log import configure_log

__all__ = ["configure_log"]
