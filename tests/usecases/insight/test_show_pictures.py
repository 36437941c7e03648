"""Pictures are drawn from the books: what they show is what the balance, the report and the pools say."""

from datetime import date, datetime

import pytest

from talktime.bootstrap import App
from talktime.core.insight.pictures.pool_bars import Minutes
from talktime.core.insight.pictures.rankings import Subject
from talktime.core.insight.pictures.rhythms import Measure
from talktime.core.values.errors import Invalid, NotFound
from talktime.store.transaction import Transaction
from talktime.usecases.insight.report_usage import ReportUsage, report_usage
from talktime.usecases.insight.show_pictures import (
    ShowPicture,
    show_balance,
    show_pool_bars,
    show_ranking,
    show_rhythm,
    show_spend,
)
from tests.pooled_books import CONTOSO

IN_MAY = datetime.fromisoformat("2026-05-02T09:00:00+00:00")
ALL = ShowPicture("Contoso", IN_MAY, date(2026, 3, 1), date(2026, 4, 30))
BILLED = ShowPicture("Tailspin", IN_MAY, date(2026, 3, 1), date(2026, 4, 30))


def cost_of(app: App, organization: str) -> int:
    request = ReportUsage(
        organization, date(2026, 3, 1), date(2026, 4, 30), writers=[lambda report: list(report.rows())]
    )
    return sum(total.cost_micros for total in app.read(report_usage, request).totals)


def test_the_balance_ends_at_the_balance_of_the_books(pooled_app: App) -> None:
    history = pooled_app.read(show_balance, ALL)

    def balance(tx: Transaction, organization_id: int) -> int:
        return tx.credit.credit(organization_id).balance_micros

    assert history.closing_micros == pooled_app.read(balance, CONTOSO)
    assert history.days[0].opening_micros == 0
    assert [each.amount_micros for each in history.bought] == [10_000_000]
    assert (history.currency, history.trigger_micros, len(history.days)) == ("GBP", None, 61)


def test_a_balance_of_a_later_period_opens_where_the_earlier_closed(pooled_app: App) -> None:
    earlier = pooled_app.read(show_balance, ShowPicture("Contoso", IN_MAY, date(2026, 3, 1), date(2026, 3, 20)))
    later = pooled_app.read(show_balance, ShowPicture("Contoso", IN_MAY, date(2026, 3, 21), date(2026, 4, 30)))

    assert later.days[0].opening_micros == earlier.closing_micros


@pytest.mark.parametrize("request_", [ALL, BILLED], ids=["prepaid", "postpaid"])
def test_the_spend_is_what_the_usage_report_comes_to(pooled_app: App, request_: ShowPicture) -> None:
    history = pooled_app.read(show_spend, request_)

    assert history.total.cost_micros == cost_of(pooled_app, request_.organization) > 0
    assert len(history.days) == 61
    assert (history.total.overage_micros > 0) == (request_ is BILLED)
    assert (history.total.included_seconds > 0) == (request_ is ALL)


@pytest.mark.parametrize("measure", Measure)
def test_hours_and_rankings_come_to_the_same(pooled_app: App, measure: Measure) -> None:
    request = ShowPicture("Contoso", IN_MAY, date(2026, 3, 1), date(2026, 4, 30), measure)

    rhythm = pooled_app.read(show_rhythm, request)
    by_place = pooled_app.read(lambda tx, asked: show_ranking(tx, asked, Subject.DESTINATIONS), request)
    by_user = pooled_app.read(lambda tx, asked: show_ranking(tx, asked, Subject.USERS), request)

    assert rhythm.total == by_place.total.amount(measure) == by_user.total.amount(measure) > 0
    assert {each.name for each in by_user.first} <= {f"{name}@contoso.example" for name in ("ada", "bob", "carol")}


def test_a_call_before_midnight_in_london_stands_in_its_own_hour(pooled_app: App) -> None:
    request = ShowPicture("Contoso", IN_MAY, date(2026, 3, 31), date(2026, 3, 31), Measure.CALLS)

    rhythm = pooled_app.read(show_rhythm, request)

    # 23:59:30 on the clock of London, where summer has begun; a Tuesday.
    assert rhythm.busiest == (1, 23)
    assert rhythm.total == 1


def test_what_counts_is_money_where_there_is_any_and_else_minutes(pooled_app: App) -> None:
    free = ShowPicture("Contoso", IN_MAY, date(2026, 4, 1), date(2026, 4, 1))

    assert pooled_app.read(show_rhythm, ALL).measure is Measure.COST
    assert pooled_app.read(show_rhythm, free).measure is Measure.MINUTES


def test_pools_are_those_of_the_month_in_which_the_period_ends(pooled_app: App) -> None:
    march = pooled_app.read(show_pool_bars, ShowPicture("Contoso", IN_MAY, None, date(2026, 3, 31)))

    assert march.first_day == date(2026, 3, 1)
    assert {bar.minutes for bar in march.bars} == set(Minutes)
    assert march.bars[0].unused_minutes == 0


def test_thirty_days_are_shown_where_nothing_else_is_asked_for(pooled_app: App) -> None:
    history = pooled_app.read(show_spend, ShowPicture("Contoso", IN_MAY))

    assert [history.days[0].first_day, history.days[-1].first_day] == [date(2026, 4, 3), date(2026, 5, 2)]


def test_a_period_that_ends_before_it_begins_or_never_is_refused(pooled_app: App) -> None:
    with pytest.raises(Invalid, match="ends on 2026-01-01, before it begins on 2026-02-01"):
        pooled_app.read(show_spend, ShowPicture("Contoso", IN_MAY, date(2026, 2, 1), date(2026, 1, 1)))
    with pytest.raises(Invalid, match="ten years at most"):
        pooled_app.read(show_balance, ShowPicture("Contoso", IN_MAY, date(1, 1, 1)))


def test_an_unknown_organization_is_refused(pooled_app: App) -> None:
    with pytest.raises(NotFound):
        pooled_app.read(show_rhythm, ShowPicture("Nobody", IN_MAY))
