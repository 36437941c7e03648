"""Licenses are bought, assigned and shown: for all who are named, or for nobody and why, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.errors import Conflict, Invalid
from talktime.settings import Settings
from talktime.usecases.organizations.licensing.assign_licenses import (
    CHUNK_USERS,
    AssignLicenses,
    LicensesAssigned,
    assign_licenses,
)
from talktime.usecases.organizations.licensing.buy_licenses import BuyLicenses, buy_licenses
from talktime.usecases.organizations.licensing.show_licenses import (
    LicenseOverview,
    ShowPlans,
    show_licenses,
    show_plans,
)
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from talktime.usecases.organizations.manage_users import AddUsers, NewUser, add_users, list_users
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PHONE, CREDITS, CONFERENCING = (
    License.PHONE_SYSTEM,
    License.COMMUNICATIONS_CREDITS,
    License.AUDIO_CONFERENCING,
)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    """Give Acme with four people, and ten of each license that this file assigns."""
    with App(Settings(database=migrated_database_url)) as opened:
        opened.run(add_organization, AddOrganization("Acme", "AT", "EUR", "UTC", "standard", NOON))
        people = tuple(NewUser(n, name_of(n), numbers=(f"+4366012345{n}", f"100{n}")) for n in range(4))
        opened.run(add_users, AddUsers("Acme", people, NOON))
        for license_ in (PHONE, CONFERENCING, License.DOMESTIC, License.PAY_AS_YOU_GO_2):
            buy(opened, license_, 10)
        yield opened


def name_of(number: int) -> str:
    return f"user{number}@acme.example"


def buy(app: App, license_: License, quantity: int) -> None:
    app.run(buy_licenses, BuyLicenses("Acme", license_, quantity, NOON))


def assign(app: App, numbers: tuple[int, ...], on: License = NO_LICENSE, off: License = NO_LICENSE) -> LicensesAssigned:
    return app.run(assign_licenses, AssignLicenses("Acme", tuple(map(name_of, numbers)), on, off, NOON))


def held(app: App) -> list[License]:
    return [user.licenses for user, _ in app.read(list_users, "Acme")[1]]


def overview(app: App, license_: License) -> LicenseOverview:
    return next(each for each in app.read(show_licenses, "Acme")[1] if each.product.license is license_)


def test_licenses_that_are_not_named_stay_as_they_are(app: App) -> None:
    assign(app, (0,), PHONE)

    assigned = assign(app, (), CONFERENCING)

    assert [row.after for row in assigned.rows] == [PHONE | CONFERENCING, *[CONFERENCING] * 3]
    assert len(assigned.changed) == 4
    assert held(app) == [row.after for row in assigned.rows]


def test_a_name_that_stands_twice_is_meant_once(app: App) -> None:
    names = (name_of(0), f" {name_of(0).upper()}")

    assigned = app.run(assign_licenses, AssignLicenses("Acme", names, PHONE, NO_LICENSE, NOON))

    assert [row.user_principal_name for row in assigned.rows] == [name_of(0)]


def test_a_number_is_no_name(app: App) -> None:
    assigned = app.run(assign_licenses, AssignLicenses("Acme", ("1001",), PHONE, NO_LICENSE, NOON))

    assert not assigned.rows[0].is_known
    assert assigned.rows[0].problems == ("Acme has no user of this name",)


def test_one_who_is_unknown_or_may_not_and_nobody_is_changed(app: App) -> None:
    assign(app, (1,), PHONE)

    assigned = assign(app, (0, 1, 9), License.DOMESTIC)

    assert not assigned.is_saved
    assert [len(row.problems) for row in assigned.rows] == [1, 0, 1]
    assert held(app) == [NO_LICENSE, PHONE, NO_LICENSE, NO_LICENSE]


def test_more_than_were_bought_are_refused_for_all_with_the_number_that_is_missing(app: App) -> None:
    buy(app, PHONE, 2)

    assigned = assign(app, (0, 1, 2), PHONE)

    assert not assigned.is_saved
    assert assigned.refused == ()
    assert [each.missing for each in assigned.shortages] == [1]
    assert held(app) == [NO_LICENSE] * 4


def test_plans_are_swapped_in_one_activity(app: App) -> None:
    assign(app, (0, 1), PHONE | License.PAY_AS_YOU_GO_2)
    buy(app, License.DOMESTIC, 2)

    swapped = assign(app, (0, 1), License.DOMESTIC, License.PAY_AS_YOU_GO_2)

    assert swapped.is_saved
    assert held(app)[:2] == [PHONE | License.DOMESTIC] * 2
    assert overview(app, License.PAY_AS_YOU_GO_2).assigned == 0
    assert dict(overview(app, License.DOMESTIC).by_country) == {"AT": 2}


def test_an_attendant_is_not_among_everybody_and_has_its_own_license(app: App) -> None:
    attendant = User(1, 50, "menu@acme.example", "Menu", "AT", account=AccountKind.AUTO_ATTENDANT)
    app.run(lambda tx, _: tx.organizations.add_users([attendant], [()]), None)
    everybody = assign(app, (), PHONE)
    names = ("menu@acme.example",)

    assigned = app.run(assign_licenses, AssignLicenses("Acme", names, License.RESOURCE_ACCOUNT, NO_LICENSE, NOON))

    assert len(everybody.rows) == 4
    assert assigned.is_saved
    assert overview(app, License.RESOURCE_ACCOUNT).free == 25 + 1 - 1


def test_e5_without_credits_is_warned_about_and_assigned(app: App) -> None:
    buy(app, License.E5, 1)

    assigned = assign(app, (0,), License.E5)

    assert assigned.is_saved
    assert "Communications Credits" in assigned.rows[0].caution


def test_whoever_pays_after_use_is_not_warned(app: App) -> None:
    app.run(set_billing_mode, SetBillingMode("Acme", BillingMode.POSTPAID))

    assert assign(app, (0,), PHONE).rows[0].caution == ""


def test_a_dry_run_tells_the_same_and_changes_nothing(app: App) -> None:
    request = AssignLicenses("Acme", (name_of(0), name_of(1)), PHONE, NO_LICENSE, NOON, is_dry_run=True)

    tried = app.read(assign_licenses, request)

    assert not tried.is_saved
    assert not tried.is_refused
    assert [row.after for row in tried.rows] == [PHONE, PHONE]
    assert held(app) == [NO_LICENSE] * 4


def test_more_users_than_one_statement_takes_are_licensed_together(app: App) -> None:
    count = CHUNK_USERS + 2
    many = tuple(NewUser(n, f"more{n}@acme.example") for n in range(count))
    app.run(add_users, AddUsers("Acme", many, NOON))
    buy(app, PHONE, count + 4)

    everybody = assign(app, (), PHONE)
    named = app.run(
        assign_licenses, AssignLicenses("Acme", tuple(each.user_principal_name for each in many), CREDITS, PHONE, NOON)
    )

    assert everybody.is_saved
    assert overview(app, PHONE).free == 0
    assert len(named.refused) == count


@pytest.mark.parametrize(("on", "off"), [(NO_LICENSE, NO_LICENSE), (PHONE, PHONE)])
def test_at_least_one_license_is_switched_and_not_both_ways(app: App, on: License, off: License) -> None:
    with pytest.raises(Invalid):
        assign(app, (0,), on, off)


def test_an_organization_without_people_has_nobody_to_license(app: App) -> None:
    app.run(add_organization, AddOrganization("Empty", "US", "USD", "UTC", "standard", NOON))

    assigned = app.run(assign_licenses, AssignLicenses("Empty", (), CREDITS, NO_LICENSE, NOON))

    assert assigned.rows == ()
    assert not assigned.is_saved


def test_what_was_bought_is_set_and_never_below_what_is_assigned(app: App) -> None:
    assign(app, (0, 1, 2), PHONE)

    bought = app.run(buy_licenses, BuyLicenses("Acme", PHONE, 3, NOON))

    assert (bought.before, bought.quantity, bought.assigned) == (10, 3, 3)
    assert overview(app, PHONE).free == 0
    with pytest.raises(Conflict, match="3 users have Phone System"):
        buy(app, PHONE, 2)
    assert overview(app, PHONE).available == 3


def test_plans_are_shown_with_the_minutes_of_a_country(app: App) -> None:
    in_austria = app.read(show_plans, ShowPlans("at", NOON))
    anywhere = app.read(show_plans, ShowPlans("", NOON))

    minutes = {offer.product.license: (offer.domestic_minutes, offer.international_minutes) for offer in in_austria}
    assert minutes[License.DOMESTIC] == (1_200, 0)
    assert minutes[License.DOMESTIC_AND_INTERNATIONAL] == (1_200, 600)
    assert [offer.product for offer in anywhere] == [offer.product for offer in in_austria]
    assert {offer.domestic_minutes for offer in anywhere} == {0}
