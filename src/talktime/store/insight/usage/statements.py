"""The one way to ask for usage rows: which of them, in which order, from which place on, added up by what."""

from collections.abc import Sequence
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from talktime.core.calls.calls import FROM_CONFERENCE, INBOUND, CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.insight.reports.groups import GroupBy, tells_rows_of_a_call_apart
from talktime.core.insight.reports.local_clock import Offset
from talktime.core.insight.reports.paging import SortKey, UsageOrder, UsagePlace
from talktime.core.insight.usage import BY_MONEY, CREDIT_CAPABILITY, FREE_CAPABILITY, INCLUDED_CAPABILITIES
from talktime.store.charging import rows
from talktime.store.instants import to_micros
from talktime.store.schema import deck_versions, usage_rows, users

# The columns of usage rows, of the table or of a page of it.
Row = ReadOnlyColumnCollection[str, Any]
_R, _U, _V = usage_rows.c, users.c, deck_versions.c
_USAGE = tuple(usage_rows.c[name.strip()] for name in rows.USAGE_COLUMNS.split(","))
_NAMES = (_U.user_principal_name, _U.display_name, _U.usage_location, _U.department, _V.deck, _V.number)
_SECOND_MICROS, _HOUR_SECONDS, _DAY_SECONDS = 1_000_000, 3_600, 86_400
_HOURS, _WEEKDAYS = 24, 7
# 1970 began on a Thursday.
_FIRST_WEEKDAY = 3
_INBOUND = sorted(kind.value for kind in INBOUND)
_SEPARATORS = str.maketrans("", "", " -()./")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

_GROUP = "report_group"
_FIRST_ROW = case((_R.line == 0, 1), else_=0)
# As core/insight/usage.py says it of one row; a test holds the two to each other.
_CAPABILITY = case(
    (
        _R.paid_by == PaysFrom.FREE.value,
        case({kind.value: name for kind, name in INCLUDED_CAPABILITIES.items()}, value=_R.kind, else_=FREE_CAPABILITY),
    ),
    (_R.paid_by.not_in(sorted(source.value for source in BY_MONEY)), _R.capability),
    (and_(_R.cost_micros == 0, _R.used_seconds > 0, _R.correction_reference == ""), FREE_CAPABILITY),
    (_R.capability == "", CREDIT_CAPABILITY),
    else_=_R.capability,
)


class UsageStatements:
    """Statements on an organization's usage rows in a dialect; `hidden_digits` of external numbers cannot be found."""

    def __init__(self, dialect: str, organization_id: int, shown: UsageFilter, hidden_digits: int = 0) -> None:
        """Ask for the rows of an organization for which all conditions hold."""
        self._is_postgresql = dialect == "postgresql"
        self._organization_id = organization_id
        self._shown = shown
        self._hidden_digits = hidden_digits
        self._conditions = [_R.organization_id == organization_id, *_in_period(shown), *self._conditions_of(shown)]

    def all(self, order: UsageOrder) -> Select[tuple[Any, ...]]:
        """Return the statement for all rows and the names of today."""
        is_user = _is_user(_R)
        source = usage_rows.outerjoin(users, is_user).outerjoin(deck_versions, _V.version_id == _R.version_id)
        keys = self._keys(order, _R)
        return select(*_USAGE, *_NAMES).select_from(source).where(*self._conditions).order_by(*_directed(keys, order))

    def page(self, order: UsageOrder, *, after: UsagePlace | None = None, rows_max: int) -> Select[tuple[Any, ...]]:
        """Return the statement for rows and the names of today, from behind a place on.

        The page is taken first and named then: a database that joins first sorts every row with its names.
        """
        source = usage_rows.outerjoin(users, _is_user(_R)) if order.key is SortKey.USER else usage_rows
        chosen = select(*_USAGE).select_from(source).where(*self._conditions)
        if after is not None:
            chosen = chosen.where(*self._behind(after, order))
        page = chosen.order_by(*_directed(self._keys(order, _R), order)).limit(rows_max).subquery("page")
        named = page.outerjoin(users, _is_user(page.c)).outerjoin(deck_versions, _V.version_id == page.c.version_id)
        return select(*page.c, *_NAMES).select_from(named).order_by(*_directed(self._keys(order, page.c), order))

    def sums(self, by: GroupBy | None, clock: Sequence[Offset] = ()) -> Select[tuple[Any, ...]]:
        """Return the statement for sums by group and currency; local groups need the clock of the period."""
        is_apart = tells_rows_of_a_call_apart(self._shown, by)
        calls: ColumnElement[int] = func.count(_R.call_key.distinct()) if is_apart else func.sum(_FIRST_ROW)
        amounts = (_R.used_seconds, _R.billed_seconds, _R.cost_micros, _R.uncovered_micros)
        group = literal(0) if by is None else self._group(by, clock)
        added = select(group.label(_GROUP), _R.currency, calls, func.count(), *map(func.sum, amounts))
        source = usage_rows.outerjoin(users, _is_user(_R)) if by is GroupBy.DEPARTMENT else usage_rows
        # By its name, because a database cannot know that two expressions with parameters are the same.
        return added.select_from(source).where(*self._conditions).group_by(_GROUP, _R.currency)

    def _conditions_of(self, shown: UsageFilter) -> list[ColumnElement[bool]]:
        inbound = _R.kind.in_(_INBOUND)
        asked: list[tuple[bool, ColumnElement[bool]]] = [
            (bool(shown.user_ids), _R.user_id.in_(sorted(shown.user_ids))),
            (bool(shown.departments), self._is_in(sorted(shown.departments))),
            (bool(shown.kinds), _R.kind.in_(_kind_names(shown))),
            (shown.direction is Direction.INBOUND, inbound),
            (shown.direction is Direction.OUTBOUND, ~inbound),
            (bool(shown.destinations), _R.destination.in_(sorted(shown.destinations))),
            (bool(shown.capabilities), _CAPABILITY.in_(sorted(shown.capabilities))),
            (bool(shown.paid_by), _R.paid_by.in_(sorted(source.value for source in shown.paid_by))),
            (shown.cost_min_micros is not None, _R.cost_micros >= (shown.cost_min_micros or 0)),
            (shown.cost_max_micros is not None, _R.cost_micros <= (shown.cost_max_micros or 0)),
            (shown.is_uncovered, _R.uncovered_micros != 0),
            (bool(shown.text.strip()), self._has_text(shown.text.strip())),
        ]
        return [condition for is_asked, condition in asked if is_asked]

    def _has_text(self, wanted: str) -> ColumnElement[bool]:
        digits = wanted.translate(_SEPARATORS).removeprefix("+")
        words = [self._contains(column, wanted) for column in (_R.destination, _R.call_key, _R.conference_id)]
        # People are looked up once, and not for each row.
        named = or_(*(self._contains(column, wanted) for column in (_U.user_principal_name, _U.display_name)))
        found = [*words, _R.user_id.in_(self._people(named))]
        if digits.isdecimal():
            inbound = _R.kind.in_(_INBOUND)
            found += [
                case((inbound, self._visible(_R.caller)), else_=_R.caller).contains(digits, autoescape=True),
                case((inbound, _R.called), else_=self._visible(_R.called)).contains(digits, autoescape=True),
            ]
        return or_(false(), *found)

    def _contains(self, column: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
        """Digits have no case, and to compare them so is ten times as fast on PostgreSQL."""
        if wanted.isdecimal():
            return column.contains(wanted, autoescape=True)
        # As SQLite does it, and lower() there: A to Z have a case, and whatever else is written has none.
        return func.lower(self._in_code_points(column)).contains(wanted.translate(_LOWER), autoescape=True)

    def _is_in(self, departments: list[str]) -> ColumnElement[bool]:
        there = _R.user_id.in_(self._people(_U.department.in_(departments)))
        if "" not in departments:
            return there
        # Who is not known any more is in none, as nobody is.
        return or_(there, _R.user_id.is_(None), _R.user_id.not_in(self._people(true())))

    def _people(self, which: ColumnElement[bool]) -> Select[tuple[int]]:
        return select(_U.user_id).where(_U.organization_id == self._organization_id, which)

    def _visible(self, number: ColumnElement[str]) -> ColumnElement[str]:
        if not self._hidden_digits:
            return number
        shown = func.length(number) - self._hidden_digits
        return case((shown > 0, func.substr(number, 1, shown)), else_="")

    def _keys(self, order: UsageOrder, row: Row) -> list[ColumnElement[Any]]:
        by: dict[SortKey, list[ColumnElement[Any]]] = {
            SortKey.START: [],
            SortKey.COST: [row.cost_micros],
            SortKey.DURATION: [row.used_seconds],
            SortKey.DESTINATION: [self._in_code_points(row.destination)],
            SortKey.USER: [self._in_code_points(func.coalesce(_U.user_principal_name, ""))],
        }
        return [*by[order.key], row.started_at, self._in_code_points(row.call_key), row.line]

    def _behind(self, place: UsagePlace, order: UsageOrder) -> list[ColumnElement[bool]]:
        values = [place.started_micros, place.call_key, place.line]
        if order.key is not SortKey.START:
            values.insert(0, place.value)
        keys = self._keys(order, _R)
        here, there = tuple_(*keys), tuple_(*(literal(value) for value in values))
        behind = [here < there if order.is_descending else here > there]
        if order.key is SortKey.START:
            # Said again by itself, because only this finds its place in the index on both databases.
            started = _R.started_at
            bound = started <= place.started_micros if order.is_descending else started >= place.started_micros
            behind.append(bound)
        return behind

    def _in_code_points(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """The order of PostgreSQL's own depends on where it was installed; this one is SQLite's and Python's."""
        return column.collate("C") if self._is_postgresql else column

    def _group(self, by: GroupBy, clock: Sequence[Offset]) -> ColumnElement[Any]:
        columns: dict[GroupBy, ColumnElement[Any]] = {
            GroupBy.DESTINATION: _R.destination,
            GroupBy.USER: _R.user_id,
            GroupBy.DEPARTMENT: func.coalesce(_U.department, ""),
            GroupBy.PAID_BY: _R.paid_by,
            GroupBy.KIND: case(
                (_R.kind.in_(sorted(kind.value for kind in FROM_CONFERENCE)), CallKind.CONFERENCE_OUT.value),
                else_=_R.kind,
            ),
            GroupBy.CAPABILITY: _CAPABILITY,
        }
        if by in columns:
            return columns[by]
        local_seconds = _R.started_at // _SECOND_MICROS + _offset(clock)
        day = local_seconds // _DAY_SECONDS
        if by is GroupBy.DAY:
            return day
        weekday = (day + _FIRST_WEEKDAY) % _WEEKDAYS
        return weekday * _HOURS + local_seconds // _HOUR_SECONDS % _HOURS


def _in_period(shown: UsageFilter) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    starts_at, ends_at = shown.period
    return _R.started_at >= to_micros(starts_at), _R.started_at < to_micros(ends_at)


def _kind_names(shown: UsageFilter) -> list[str]:
    # Reports call both by the same name.
    both = FROM_CONFERENCE if CallKind.CONFERENCE_OUT in shown.kinds else frozenset()
    return sorted(kind.value for kind in {*shown.kinds, *both})


def _is_user(row: Row) -> ColumnElement[bool]:
    return and_(_U.organization_id == row.organization_id, _U.user_id == row.user_id)


def _directed(keys: list[ColumnElement[Any]], order: UsageOrder) -> list[ColumnElement[Any]]:
    return [key.desc() if order.is_descending else key.asc() for key in keys]


def _offset(clock: Sequence[Offset]) -> ColumnElement[int]:
    first, *later = clock
    if not later:
        return literal(first.seconds)
    changes: list[tuple[datetime, int]] = [
        (changed.starts_at, before.seconds) for before, changed in zip(clock, later, strict=False)
    ]
    when = [(_R.started_at < to_micros(at), literal(seconds, BigInteger)) for at, seconds in changes]
    return cast(case(*when, else_=literal(later[-1].seconds, BigInteger)), BigInteger)
