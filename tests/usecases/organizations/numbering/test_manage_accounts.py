import pytest

from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import StartCall
from talktime.core.organizations.users import AccountKind, NumberUse
from talktime.core.values.errors import CallerError, Conflict, Invalid, NotFound
from talktime.usecases.organizations.numbering.manage_accounts import (
    Accounts,
    AddAccount,
    RemoveAccount,
    add_account,
    list_accounts,
    remove_account,
)
from tests.usecases.organizations.numbering.worlds import ADA, ATTENDANT, QUEUE, NumberWorld


def accounts(world: NumberWorld) -> Accounts:
    return world.app.read(list_accounts, "Acme")


def add(world: NumberWorld, name: str, *, kind: AccountKind = AccountKind.CALL_QUEUE, licensed: bool = True) -> None:
    world.app.run(add_account, AddAccount("Acme", name, kind, is_licensed=licensed))


def remove(world: NumberWorld, name: str) -> None:
    world.app.run(remove_account, RemoveAccount("Acme", name))


def test_an_account_gets_one_of_the_free_licenses_and_can_have_a_number(world: NumberWorld) -> None:
    add(world, "Sales@acme.example", kind=AccountKind.AUTO_ATTENDANT)
    [number] = world.have(NumberUse.TOLL)

    world.assign(number, "sales@acme.example")

    found = {account.user_principal_name: (account, numbers) for account, numbers in accounts(world).accounts}
    account, numbers = found["Sales@acme.example"]
    assert (account.account, account.display_name, account.usage_location) == (
        AccountKind.AUTO_ATTENDANT,
        "Sales",
        "US",
    )
    assert numbers == (number,)


def test_twenty_five_licenses_are_free_and_one_more_for_each_ten_phone_systems(world: NumberWorld) -> None:
    # 51 Phone System licenses: 25 + 5, of which the queue has one.
    for number in range(29):
        add(world, f"queue{number}@acme.example")

    with pytest.raises(Conflict, match="30 allotted, 30 assigned, 1 more needed") as refusal:
        add(world, "one-more@acme.example")
    add(world, "one-more@acme.example", licensed=False)

    assert refusal.value.code == "license_shortage"
    assert (accounts(world).allotted, accounts(world).licensed_count) == (30, 30)
    assert len(accounts(world).accounts) == 32


def test_people_are_no_resource_accounts(world: NumberWorld) -> None:
    listed = [account.user_principal_name for account, _ in accounts(world).accounts]

    assert listed == [ATTENDANT, QUEUE]
    with pytest.raises(Invalid, match="`talktime users add`"):
        add(world, "dora@acme.example", kind=AccountKind.PERSON)
    with pytest.raises(Invalid, match="is a person"):
        remove(world, ADA)


@pytest.mark.parametrize(("name", "code"), [("reception", "user_principal_name"), (QUEUE, "identity_taken")])
def test_a_name_that_is_none_or_taken_is_refused(world: NumberWorld, name: str, code: str) -> None:
    with pytest.raises(CallerError) as refusal:
        add(world, name)
    assert refusal.value.code == code


def test_an_account_is_removed_with_its_name_and_its_license_is_free_again(world: NumberWorld) -> None:
    remove(world, QUEUE)

    assert accounts(world).licensed_count == 0
    with pytest.raises(NotFound):
        remove(world, QUEUE)
    add(world, QUEUE)


def test_an_account_with_a_number_stays(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)
    world.assign(number, QUEUE)

    with pytest.raises(Conflict, match=f"answers \\+{number}: `talktime numbers unassign") as refusal:
        remove(world, QUEUE)
    assert refusal.value.code == "account_has_numbers"


def test_an_account_that_the_books_name_stays_because_its_id_must_not_become_anothers(world: NumberWorld) -> None:
    charging = world.app.open_charging()
    charging.charge([StartCall(CallKey("proxy", "one"), world.at, QUEUE, "442079460000")])
    charging.close()

    with pytest.raises(Conflict) as refusal:
        remove(world, QUEUE)

    assert refusal.value.code == "account_in_books"
