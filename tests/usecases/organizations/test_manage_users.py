from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.licenses import License
from talktime.core.values.errors import Invalid
from talktime.settings import Settings
from talktime.usecases.organizations.licensing.buy_licenses import BuyLicenses, buy_licenses
from talktime.usecases.organizations.licensing.show_licenses import show_licenses
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from talktime.usecases.organizations.manage_users import CHUNK_USERS, AddUsers, NewUser, add_users, list_users

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        for name in ("Acme", "Fabrikam"):
            opened.run(add_organization, AddOrganization(name, "US", "USD", "UTC", "standard", NOON))
        yield opened


def people(count: int, company: str = "acme") -> tuple[NewUser, ...]:
    return tuple(
        NewUser(number, f"user{number}@{company}.example", numbers=(f"+1206{number:07}",)) for number in range(count)
    )


def test_more_users_than_one_statement_takes_are_added_together(app: App) -> None:
    added = app.run(add_users, AddUsers("Acme", people(2 * CHUNK_USERS + 1), NOON))

    _, found = app.read(list_users, "Acme")
    assert added.is_saved
    assert len(found) == 2 * CHUNK_USERS + 1
    assert len({user.user_id for user, _ in found}) == len(found)


def test_what_another_organization_has_is_refused_with_its_name(app: App) -> None:
    app.run(add_users, AddUsers("Acme", people(3), NOON))

    added = app.run(add_users, AddUsers("Fabrikam", people(4, "fabrikam"), NOON))

    assert not added.is_saved
    assert [row.problems for row in added.refused] == [(f"1206000000{n} belongs to Acme already",) for n in range(3)]
    assert app.read(list_users, "Fabrikam")[1] == []


def test_users_added_at_once_by_several_have_ids_of_their_own(app: App) -> None:
    def add(number: int) -> bool:
        return app.run(add_users, AddUsers("Acme", (NewUser(1, f"user{number}@acme.example"),), NOON)).is_saved

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(add, range(24)))

    assert all(saved)
    assert len({user.user_id for user, _ in app.read(list_users, "Acme")[1]}) == 24


def test_a_file_may_give_licenses_only_as_far_as_they_were_bought(app: App) -> None:
    app.run(buy_licenses, BuyLicenses("Acme", License.PHONE_SYSTEM, 2, NOON))

    added = app.run(add_users, AddUsers("Acme", licensed(3), NOON))

    assert not added.is_saved
    assert [each.message for each in added.shortages] == [
        "Phone System: 2 bought, 0 assigned, 1 more needed; `talktime licenses buy phone-system 3`"
    ]
    assert app.read(list_users, "Acme")[1] == []


def test_what_is_missing_is_bought_with_it_where_that_was_said(app: App) -> None:
    app.run(buy_licenses, BuyLicenses("Acme", License.PHONE_SYSTEM, 2, NOON))

    added = app.run(add_users, AddUsers("Acme", licensed(3), NOON, buys_missing=True))

    assert added.is_saved
    assert bought(app, License.PHONE_SYSTEM) == 3


def test_a_dry_run_buys_nothing(app: App) -> None:
    app.run(add_users, AddUsers("Acme", licensed(3), NOON, is_dry_run=True, buys_missing=True))

    assert bought(app, License.PHONE_SYSTEM) == 0


def test_what_is_not_sold_is_not_bought_with_it_either(app: App) -> None:
    people = (NewUser(1, "ada@acme.example", licenses=License.PHONE_SYSTEM | License.PAY_AS_YOU_GO_1),)

    with pytest.raises(Invalid, match="zone 1 is not sold in US"):
        app.run(add_users, AddUsers("Acme", people, NOON, buys_missing=True))

    assert bought(app, License.PHONE_SYSTEM) == 0
    assert app.read(list_users, "Acme")[1] == []


def test_a_file_obeys_the_rules_of_licenses_too(app: App) -> None:
    people = (
        NewUser(1, "ada@acme.example", licenses=License.DOMESTIC),
        NewUser(2, "bob@acme.example", usage_location="KZ", licenses=License.PHONE_SYSTEM | License.DOMESTIC),
    )

    added = app.run(add_users, AddUsers("Acme", people, NOON, buys_missing=True))

    assert not added.is_saved
    assert [row.problems for row in added.rows] == [
        ("Domestic Calling Plan needs Phone System, or a bundle with it: switch that on as well",),
        ("Domestic Calling Plan does not exist in KZ",),
    ]


def test_progress_is_told_of_every_user(app: App) -> None:
    told: list[int] = []

    @contextmanager
    def watch(total: int) -> Iterator[Callable[[int], object]]:
        told.append(-total)
        yield told.append

    app.run(add_users, AddUsers("Acme", people(CHUNK_USERS + 1), NOON, watch=watch))

    assert told == [-CHUNK_USERS - 1, CHUNK_USERS, 1]


def licensed(count: int) -> tuple[NewUser, ...]:
    return tuple(replace(person, licenses=License.PHONE_SYSTEM) for person in people(count))


def bought(app: App, license_: License) -> int | None:
    _, overviews = app.read(show_licenses, "Acme")
    return next(overview.available for overview in overviews if overview.product.license is license_)


def test_a_department_stands_on_one_line_whatever_the_file_has(app: App) -> None:
    app.run(add_users, AddUsers("Acme", (NewUser(1, "ada@acme.example", department=" Sales\n &  Ops "),), NOON))

    ((ada, _),) = app.read(list_users, "Acme")[1]
    assert ada.department == "Sales & Ops"
