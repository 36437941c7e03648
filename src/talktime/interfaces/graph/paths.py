"""What an address asks for: a version, a resource, a function's two instants, and the options of the query."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl

from talktime.core.insight.reports.paging import PAGE_ROWS_MAX
from talktime.core.values.periods import Period
from talktime.interfaces.graph.errors import Refusal

V1, BETA = "v1.0", "beta"
DESCRIPTION_PATH = f"/{V1}/openapi.json"
TOKEN_SUFFIX = "/oauth2/v2.0/token"  # noqa: S105 -- a path
DISCOVERY_SUFFIX = "/v2.0/.well-known/openid-configuration"
# domain.md 7.10.
RANGE_MAX = timedelta(days=90)
_PREFIXES = (f"/{V1}/", f"/{BETA}/")
_CALL_RECORDS = "communications/callRecords/"
_NAMESPACE = "microsoft.graph.callRecords."
_FUNCTION = re.compile(r"(\w+)\(([^()]*)\)")
_PARAMETERS = ("fromDateTime", "toDateTime")
# With or without the comma: Microsoft's SDK for Python (1.65, with stduritemplate 2) loses it on the way.
_PARAMETER = re.compile(
    r"\s*(?P<name>fromDateTime|toDateTime)=(?P<value>[^,=]*?)\s*(?:,|\Z|(?=fromDateTime=|toDateTime=))"
)
_DATE_CHARACTERS = len("2026-11-01")
_MICROSECOND = timedelta(microseconds=1)
_READ_OPTIONS = frozenset({"$top", "$count", "$skiptoken"})


class Target(NamedTuple):
    """A resource of a version, by its name; of a function, also between which instants calls began."""

    version: str
    resource: str
    period: Period | None = None


class Page(NamedTuple):
    """How many rows are wanted at most, and behind which; an empty token begins."""

    rows_max: int
    skip_token: str


def owns(path: str) -> bool:
    """Tell whether a path is this door's."""
    return path.startswith(_PREFIXES) or path.endswith((TOKEN_SUFFIX, DISCOVERY_SUFFIX))


def read_target(path: str) -> Target:
    """Read a path; raise Refusal."""
    _, version, rest = path.split("/", 2)
    if not rest.startswith(_CALL_RECORDS):
        return Target(version, rest)
    function = _FUNCTION.fullmatch(rest.removeprefix(_CALL_RECORDS).removeprefix(_NAMESPACE))
    if function is None:
        return Target(version, rest)
    return Target(version, _CALL_RECORDS + function[1], _period(function[2]))


def written(target: Target) -> str:
    """Return the path of a target, as `read_target` reads it."""
    if target.period is None:
        return f"/{target.version}/{target.resource}"
    starts_at, ends_at = target.period
    instants = zip(_PARAMETERS, (starts_at, ends_at - _MICROSECOND), strict=True)
    parameters = ",".join(f"{name}={_iso(at)}" for name, at in instants)
    return f"/{target.version}/{target.resource}({parameters})"


def read_query(query: str) -> dict[str, str]:
    """Read a query; raise Refusal for what stands there twice, and for an option that is not for these resources."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in found:
            raise Refusal(400, f"{name} stands twice in the query: write it once")
        found[name] = value
    if "$skip" in found:
        message = "$skip is not supported: rows that come meanwhile would shift it. Follow @odata.nextLink"
        raise Refusal(400, message)
    unknown = sorted(name for name in found if name.startswith("$") and name not in _READ_OPTIONS)
    if unknown:
        known = ", ".join(sorted(_READ_OPTIONS))
        raise Refusal(400, f"{unknown[0]} is not supported here: there are {known}; filter and sort what you have read")
    return found


def read_page(query: dict[str, str]) -> Page:
    """Read which page is wanted; raise Refusal."""
    top = query.get("$top", str(PAGE_ROWS_MAX))
    if not top.isascii() or not top.isdecimal() or not 1 <= int(top[:9]) <= PAGE_ROWS_MAX:
        raise Refusal(400, f"$top is {top!r}: it must be a whole number from 1 to {PAGE_ROWS_MAX}")
    return Page(int(top), query.get("$skiptoken", ""))


def _period(parameters: str) -> Period:
    """Read a function's instants, both included."""
    given = {each["name"]: each["value"].strip().strip("'") for each in _PARAMETER.finditer(parameters)}
    if given.keys() != set(_PARAMETERS) or _PARAMETER.sub("", parameters):
        raise Refusal(400, "the function takes (fromDateTime={UTC instant},toDateTime={UTC instant}), and nothing else")
    starts_at, last_at = (_instant(name, given[name]) for name in _PARAMETERS)
    if last_at < starts_at:
        raise Refusal(400, f"toDateTime {_iso(last_at)} is before fromDateTime {_iso(starts_at)}: exchange them")
    if last_at - starts_at > RANGE_MAX:
        message = f"the range is longer than {RANGE_MAX.days} days: ask for one part after another"
        raise Refusal(400, message)
    return Period(starts_at, last_at + _MICROSECOND)


def _instant(name: str, value: str) -> datetime:
    # A plus sign that was not encoded arrives as a blank.
    written_value = value.replace(" ", "+")
    try:
        if len(written_value) == _DATE_CHARACTERS:
            return datetime.combine(date.fromisoformat(written_value), time(), UTC)
        # The original writes seven decimals of a second; ours has six.
        instant = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written_value))
        # One microsecond more must still be an instant.
        aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        _ = aware + _MICROSECOND
    except (ValueError, OverflowError) as failure:
        raise Refusal(400, f"{name} is {value!r}: write an instant in UTC, 2026-11-01T00:00:00Z") from failure
    return aware


def _iso(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat() + "Z"
