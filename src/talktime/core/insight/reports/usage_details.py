"""Usage details as on the original's screen (domain.md 7.1): the columns of the export, in the order of reading."""

from talktime.core.calls.calls import INBOUND
from talktime.core.insight.privacy.masking import shown_numbers
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.insight.usage import ORIGINAL, Layout, ReportedUsage
from talktime.core.values.numbers import is_e164

# Our names of the screen's columns, and the export's; the user's own number is in none of those.
_SCREEN = {
    "Start Time": "Start Time",
    "Display Name": "User Display Name",
    "Username": "UPN",
    "Phone Number": "",
    "Caller ID": "Caller ID",
    "Operator": "Operator",
    "Call Type": "Call Type",
    "Called To": "Destination Number",
    "Destination Dialed": "Destination Dialed",
    "Cost": "Charge",
    "Currency": "Currency",
    "Duration": "Duration Seconds",
    "Source of Call Duration": "Source of Call Duration",
    "Domestic/International": "Domestic/International",
    "Call ID": "Call ID",
    "Number Type": "Number Type",
    "User's Location": "User Location",
    "Conference ID": "Conference ID",
    "Capability": "Capability",
}
# What the screen of the original lacks, and people ask for (domain.md 9): what paid, and what no credit covered.
_OURS = ("Department", "Paid By", "Uncovered")
_EXPORTED = {column.name: index for index, column in enumerate(ORIGINAL.columns)}


def _cells(reported: ReportedUsage, country: str) -> tuple[object, ...]:
    exported = ORIGINAL.cells(reported, country)
    row = reported.row
    shown = [exported[_EXPORTED[name]] if name else _own_number(reported, country) for name in _SCREEN.values()]
    return (*shown, reported.department or None, row.paid_by.value, row.uncovered_micros)


def _own_number(reported: ReportedUsage, country: str) -> str:
    row = reported.row
    shown = shown_numbers(row, country)
    own = shown.called if row.kind in INBOUND else shown.caller
    return f"+{own}" if is_e164(own) else own


def _kind_of(name: str) -> ColumnKind:
    if name == "Uncovered":
        return ColumnKind.MONEY
    return ORIGINAL.columns[_EXPORTED[_SCREEN[name]]].kind if _SCREEN.get(name) else ColumnKind.TEXT


DETAILS = Layout("details", tuple(Column(name, _kind_of(name)) for name in (*_SCREEN, *_OURS)), _cells)
