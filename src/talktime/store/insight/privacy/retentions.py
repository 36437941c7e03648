"""For how long organizations keep call details, where they do not keep them as their users' countries want."""

from sqlalchemy import Connection, delete, insert, select

from talktime.store.schema import call_retentions


class RetentionRows:
    """Reads and writes the days; without a row, the country's days hold."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def days(self, organization_id: int) -> int | None:
        """Return an organization's own days; None where the countries' hold."""
        statement = select(call_retentions.c.days).where(call_retentions.c.organization_id == organization_id)
        return self._connection.scalar(statement)

    def set_days(self, organization_id: int, days: int | None) -> None:
        """Write an organization's own days; None for those of the countries."""
        self._connection.execute(delete(call_retentions).where(call_retentions.c.organization_id == organization_id))
        if days is not None:
            self._connection.execute(insert(call_retentions), {"organization_id": organization_id, "days": days})
