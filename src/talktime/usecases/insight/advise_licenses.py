"""Advise on licenses: the calls of the last whole months, replayed on other calling plans."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, datetime
from itertools import groupby

from talktime.core.calls.calls import FROM_CONFERENCE, OUTBOUND, CallKind
from talktime.core.calls.counting.meters import month_of
from talktime.core.insight.license_advice.advising import (
    Beginnings,
    LicenseAdvice,
    NotEnough,
    advise,
    first_whole_month,
)
from talktime.core.insight.license_advice.choices import list_prices
from talktime.core.insight.license_advice.past_calls import PastCall, Rules, TariffOf, replayable
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy
from talktime.core.organizations.licenses import CALLING_PLANS, License
from talktime.core.organizations.licensing.products import LIST_PRICE_CURRENCY
from talktime.core.organizations.organizations import Organization
from talktime.core.rates.rate_decks import Direction, RateDeck, version_in_force
from talktime.core.rates.rating import Tariff
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period, add_months, start_of_day
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization

MONTHS_MAX = 12
_CONFERENCES = FROM_CONFERENCE | {CallKind.CONFERENCE_IN}


@frozen
class AdviseLicenses:
    """Whose licenses, as of when, on how many of the last whole months; prices stated in micros a user and month."""

    organization: str
    at: datetime
    months: int = 6
    prices: Mapping[License, int] = field(default_factory=dict)


@frozen
class LicensesAdvised:
    """The advice, or that there is not enough to give any; and the prices by which it was given."""

    organization: Organization
    advice: LicenseAdvice | NotEnough
    prices: Mapping[License, int]


def advise_licenses(tx: Transaction, request: AdviseLicenses) -> LicensesAdvised:
    """Replay the months on other plans and return what would have cost less; raise NotFound, Invalid for prices."""
    tx.insight.books.begin_snapshot()
    organization = find_organization(tx, request.organization)
    prices = list_prices(organization.currency, request.prices, LIST_PRICE_CURRENCY)
    if not any(each in prices for each in CALLING_PLANS):
        message = (
            f"the list prices are in {LIST_PRICE_CURRENCY} and {organization.name} pays in {organization.currency}:"
            " state what plans cost a user and month, such as --price domestic=11.50"
        )
        raise Invalid(message, code="license_price")
    if not 1 <= request.months <= MONTHS_MAX:
        message = f"advice looks at 1 to {MONTHS_MAX} months, not {request.months}"
        raise Invalid(message, code="months")
    first_days = _whole_months(tx, organization, request)
    if not first_days:
        return LicensesAdvised(organization, NotEnough(()), prices)
    zone = organization.zone
    period = Period(start_of_day(first_days[0], zone), start_of_day(add_months(first_days[-1], 1), zone))
    rules = Rules(
        organization,
        tx.arrangements.of(organization.organization_id),
        tx.countries.in_force(request.at),
        {user.user_id: user for user, _ in tx.organizations.users(organization.organization_id)},
    )
    months = [month_of(start_of_day(day, zone), zone) for day in first_days]
    calls = replayable(_past_calls(tx, organization, period), months, rules, _tariff_of(tx, organization))
    conferences = UsageFilter(period, kinds=_CONFERENCES)
    led = tx.insight.usage_pages.sums(organization.organization_id, conferences, GroupBy.USER)
    # When a license was assigned is not recorded: his first call ever tells since when somebody has had it.
    first_calls = tx.insight.first_calls(organization.organization_id)
    beginnings = Beginnings(
        {user_id: at.astimezone(zone).date() for user_id, at in first_calls.items()},
        frozenset(each.group for each in led if isinstance(each.group, int)),
    )
    return LicensesAdvised(organization, advise(calls, months, rules, prices, beginnings), prices)


def _whole_months(tx: Transaction, organization: Organization, request: AdviseLicenses) -> list[date]:
    """Return the first days of the last whole months that have usage behind them, in their order."""
    span = tx.insight.usage_span(organization.organization_id)
    if span is None:
        return []
    begins = first_whole_month(span.starts_at.astimezone(organization.zone).date())
    this_month = request.at.astimezone(organization.zone).date().replace(day=1)
    # What ended long ago says nothing about plans of now: the last month is one that had calls.
    last = min(this_month, add_months(span.ends_at.astimezone(organization.zone).date().replace(day=1), 1))
    days = [add_months(last, -number) for number in range(request.months, 0, -1)]
    return [day for day in days if begins <= day]


def _past_calls(tx: Transaction, organization: Organization, period: Period) -> Iterator[PastCall]:
    """Yield the calls out of a period with all that their rows say: corrections count."""
    shown = UsageFilter(period, kinds=OUTBOUND)
    rows = (reported.row for reported in tx.insight.usage_pages.stream(organization.organization_id, shown))
    for _, of_call in groupby(rows, key=lambda row: row.key):
        parts = list(of_call)
        first = parts[0]
        if first.user_id is not None:
            yield PastCall(
                user_id=first.user_id,
                kind=first.kind,
                caller=first.caller,
                called=first.called,
                started_at=first.started_at,
                priced_from=first.answered_at or first.started_at,
                used_seconds=sum(part.used_seconds for part in parts),
            )


def _tariff_of(tx: Transaction, organization: Organization) -> TariffOf:
    """Return what prices a call by the organization's deck in force when it began (S13)."""
    published = tx.rates.publications(organization.deck, Direction.OUTBOUND)
    decks: dict[int, RateDeck] = {}

    def tariff_of(call: PastCall) -> Tariff | None:
        version_id = version_in_force(published, call.started_at)
        if version_id is None:
            return None
        if version_id not in decks:
            decks[version_id] = tx.rates.deck(version_id)
        deck = decks[version_id]
        matched = deck.match(Direction.OUTBOUND, call.called, call.caller)
        is_priced = matched is not None and not matched.rate.blocked and deck.terms.currency == organization.currency
        return matched.tariff if matched is not None and is_priced else None

    return tariff_of
