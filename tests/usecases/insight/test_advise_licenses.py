"""Advice on licenses from the calls in the books, with the prices of then and the licenses of now."""

from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import App
from talktime.core.insight.license_advice.advising import LicenseAdvice, NotEnough
from talktime.core.insight.usage import TALKTIME
from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import User
from talktime.core.values.errors import Invalid, NotFound
from talktime.store.transaction import Transaction
from talktime.usecases.insight.advise_licenses import AdviseLicenses, LicensesAdvised, advise_licenses
from talktime.usecases.insight.report_usage import OpenReport, ReportUsage, report_usage
from tests.pooled_books import CONTOSO, PLAN

AFTER_MARCH = datetime(2026, 4, 20, tzinfo=UTC)
AFTER_APRIL = datetime(2026, 5, 20, tzinfo=UTC)
# Of Contoso's plans, and what anybody could have instead; in pounds, because no list price is.
PRICES = {
    License.DOMESTIC: 9_000_000,
    License.DOMESTIC_120: 6_000_000,
    License.DOMESTIC_120_NOT_POOLED: 6_000_000,
    License.DOMESTIC_AND_INTERNATIONAL: 18_000_000,
}


def advised(app: App, **asked: object) -> LicensesAdvised:
    request = AdviseLicenses("Contoso", **{"at": AFTER_APRIL, "prices": PRICES, **asked})  # type: ignore[arg-type]
    return app.read(advise_licenses, request)


def test_plans_that_cost_more_than_their_calls_are_given_up(pooled_app: App) -> None:
    found = advised(pooled_app).advice

    assert isinstance(found, LicenseAdvice)
    assert found.months == ("2026-03", "2026-04")
    # By the minute, two months of all three people's calls cost far less than their plans.
    assert {row.user.user_principal_name: row.advised.calling_plan for row in found.rows} == {
        "ada@contoso.example": License(0),
        "bob@contoso.example": License(0),
        "carol@contoso.example": License(0),
    }
    assert found.advised_micros < found.today_micros
    assert all(License.COMMUNICATIONS_CREDITS in row.advised.licenses for row in found.rows)


def test_todays_cost_is_what_the_books_charged_and_the_plan(pooled_app: App) -> None:
    """Bob is left out: he has no credit, so that what his minutes did not pay was never charged."""
    found = advised(pooled_app).advice
    charged = {"ada@contoso.example": 0, "carol@contoso.example": 0, "bob@contoso.example": 0}

    def add(report: OpenReport) -> None:
        names = [column.name for column in report.layout.columns]
        for cells in report.rows():
            row = dict(zip(names, cells, strict=True))
            charged[str(row["user_principal_name"])] += int(str(row["cost"]))

    pooled_app.read(report_usage, ReportUsage("Contoso", layout=TALKTIME, writers=[add]))

    assert isinstance(found, LicenseAdvice)
    today = {row.user.user_principal_name: row.today_micros for row in found.rows}
    assert charged["ada@contoso.example"] > 0
    assert today["ada@contoso.example"] == charged["ada@contoso.example"] // 2 + 6_000_000
    assert today["carol@contoso.example"] == charged["carol@contoso.example"] // 2 + 18_000_000


def test_one_month_is_not_enough_to_advise_on(pooled_app: App) -> None:
    found = advised(pooled_app, at=AFTER_MARCH).advice

    assert found == NotEnough(("2026-03",))


def test_months_before_the_first_call_and_after_the_last_are_none_of_the_history(pooled_app: App) -> None:
    found = advised(pooled_app, at=AFTER_APRIL + timedelta(days=365), months=12).advice

    assert isinstance(found, LicenseAdvice)
    assert found.months == ("2026-03", "2026-04")


def test_prices_of_another_currency_must_be_stated(pooled_app: App) -> None:
    with pytest.raises(Invalid, match="list prices are in USD and Contoso pays in GBP"):
        advised(pooled_app, prices={})


def test_a_plan_of_no_known_price_is_told_of_and_kept(pooled_app: App) -> None:
    known = {license_: price for license_, price in PRICES.items() if license_ is not License.DOMESTIC_120}

    found = advised(pooled_app, prices=known).advice

    assert isinstance(found, LicenseAdvice)
    assert [product.license for product in found.unpriced] == [License.DOMESTIC_120]
    assert "ada@contoso.example" not in {row.user.user_principal_name for row in found.rows}


def test_more_months_than_a_year_and_unknown_organizations_are_refused(pooled_app: App) -> None:
    with pytest.raises(Invalid, match="1 to 12 months"):
        advised(pooled_app, months=13)
    with pytest.raises(NotFound):
        pooled_app.read(advise_licenses, AdviseLicenses("Nobody", AFTER_APRIL))


def test_who_never_called_is_new_and_is_not_judged(pooled_app: App) -> None:
    dora = User(CONTOSO, 4, "dora@contoso.example", "Dora", "GB", PLAN | License.DOMESTIC)

    def add(tx: Transaction, _: None) -> None:
        tx.organizations.add_users((dora,), ((),))
        tx.arrangements.recount(CONTOSO)

    pooled_app.run(add, None)
    found = advised(pooled_app).advice

    assert isinstance(found, LicenseAdvice)
    assert dora not in {row.user for row in found.rows}
    assert (len(found.rows), found.new_users_count) == (3, 1)
