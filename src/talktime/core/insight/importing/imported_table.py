"""Imported calls as a table: the columns of the exports by their names, so that what was written can be read again."""

from talktime.core.insight.importing.imported_calls import ImportedCall
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.numbers import is_e164

_CONTEXTS = {True: "Domestic", False: "International", None: None}
COLUMNS = (
    *(
        Column(name, ColumnKind.TEXT)
        for name in (
            *("UsageId", "Call ID", "Conference ID", "User Location", "Microsoft Entra ObjectId", "UPN"),
            *("User Display Name", "Department", "Caller ID", "Call Type", "Call Direction", "Number Type"),
            *("Domestic/International", "Destination Dialed", "Destination Number", "External Country"),
        )
    ),
    Column("Start Time", ColumnKind.INSTANT),
    Column("End Time", ColumnKind.INSTANT),
    Column("Duration Seconds", ColumnKind.WHOLE),
    Column("Connection Fee", ColumnKind.MONEY),
    Column("Charge", ColumnKind.MONEY),
    Column("Currency", ColumnKind.TEXT),
    Column("Capability", ColumnKind.TEXT),
    # What a deck said of a call without a charge, or why it said nothing.
    Column("Rated", ColumnKind.MONEY),
    Column("Not Rated", ColumnKind.TEXT),
)


def cells_of(call: ImportedCall) -> tuple[object, ...]:
    """Return a call's cells, in the order of `COLUMNS`."""
    return (
        call.source_id,
        call.call_id,
        call.conference_id,
        call.user_location,
        call.user_id,
        call.user,
        call.user_name,
        call.department,
        _international(call.caller),
        call.kind.value,
        call.direction.value,
        call.number_type,
        _CONTEXTS[call.is_domestic],
        call.destination,
        _international(call.called),
        call.country,
        call.started_at,
        call.ended_at,
        call.used_seconds,
        call.connection_fee_micros,
        call.charge_micros,
        call.currency,
        call.capability,
        call.rated_micros,
        call.not_rated,
    )


def _international(number: str) -> str:
    """Write a number with its +; what is hidden of it is as long as it was."""
    return f"+{number}" if is_e164(number.replace("*", "0")) else number
