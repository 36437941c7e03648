from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.licenses import License
from talktime.settings import Settings
from talktime.usecases.organizations.assign_licenses import AssignLicenses, assign_licenses
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
    added = app.run(add_users, AddUsers("Acme", people(2 * CHUNK_USERS + 1)))

    _, found = app.read(list_users, "Acme")
    assert added.is_saved
    assert len(found) == 2 * CHUNK_USERS + 1
    assert len({user.user_id for user, _ in found}) == len(found)


def test_what_another_organization_has_is_refused_with_its_name(app: App) -> None:
    app.run(add_users, AddUsers("Acme", people(3)))

    added = app.run(add_users, AddUsers("Fabrikam", people(4, "fabrikam")))

    assert not added.is_saved
    assert [row.problems for row in added.refused] == [(f"1206000000{n} belongs to Acme already",) for n in range(3)]
    assert app.read(list_users, "Fabrikam")[1] == []


def test_users_added_at_once_by_several_have_ids_of_their_own(app: App) -> None:
    def add(number: int) -> bool:
        return app.run(add_users, AddUsers("Acme", (NewUser(1, f"user{number}@acme.example"),))).is_saved

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(add, range(24)))

    assert all(saved)
    assert len({user.user_id for user, _ in app.read(list_users, "Acme")[1]}) == 24


def test_licenses_that_are_not_named_stay_as_they_are(app: App) -> None:
    app.run(add_users, AddUsers("Acme", people(2)))
    app.run(assign_licenses, AssignLicenses("Acme", ("user0@acme.example",), License.PHONE_SYSTEM, License(0)))

    assigned = app.run(assign_licenses, AssignLicenses("Acme", (), License.AUDIO_CONFERENCING, License(0)))

    assert [row.after for row in assigned.rows] == [
        License.PHONE_SYSTEM | License.AUDIO_CONFERENCING,
        License.AUDIO_CONFERENCING,
    ]
    assert len(assigned.changed) == 2


def test_a_name_that_stands_twice_is_meant_once(app: App) -> None:
    app.run(add_users, AddUsers("Acme", people(1)))
    names = ("user0@acme.example", " USER0@acme.example")

    assigned = app.run(assign_licenses, AssignLicenses("Acme", names, License.PHONE_SYSTEM, License(0)))

    assert [row.user_principal_name for row in assigned.rows] == ["user0@acme.example"]
