import pytest

from talktime.bootstrap import open_statements
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import StartCall
from talktime.core.organizations.numbering.phone_numbers import NumberState
from talktime.core.organizations.users import Identity, NumberUse
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.store.charging import rows
from talktime.usecases.organizations.manage_users import (
    AddServiceNumber,
    AddUsers,
    NewUser,
    add_service_number,
    add_users,
)
from tests.usecases.organizations.numbering.worlds import ACME, ADA, ATTENDANT, BOB, QUEUE, NumberWorld

TOLL_FREE = "18005559999"


def answering(world: NumberWorld, number: str) -> tuple[str, NumberUse]:
    """Return who answers a number, as charging finds it."""
    held = world.held()[number]
    assert held.phone.state is NumberState.ASSIGNED
    return (held.user.user_principal_name if held.user else "", held.phone.listing.use)


def bring(world: NumberWorld, number: str = TOLL_FREE) -> None:
    world.app.run(add_service_number, AddServiceNumber("Acme", number, NumberUse.TOLL_FREE))


def test_a_user_answers_several_numbers(world: NumberWorld) -> None:
    first, second = world.have(NumberUse.USER, 2)

    world.assign(first, ADA)
    world.assign(second, ADA.upper())

    assert answering(world, first) == answering(world, second) == (ADA, NumberUse.USER)


def test_a_service_number_goes_to_the_bridge_or_to_a_queue_and_stays_a_service_number(world: NumberWorld) -> None:
    bridge, queue = world.have(NumberUse.TOLL, 2)

    world.assign(bridge, "")
    world.assign(queue, QUEUE)

    assert answering(world, bridge) == ("", NumberUse.TOLL)
    assert answering(world, queue) == (QUEUE, NumberUse.TOLL)


@pytest.mark.parametrize(
    ("use", "to", "code"),
    [
        (NumberUse.USER, "", "number_is_for_people"),
        (NumberUse.USER, QUEUE, "number_is_for_people"),
        (NumberUse.USER, BOB, "phone_system_license_missing"),
        (NumberUse.TOLL, ADA, "number_is_for_services"),
        (NumberUse.TOLL, ATTENDANT, "resource_account_license_missing"),
    ],
)
def test_the_wrong_kind_is_refused_and_nothing_is_half_assigned(
    world: NumberWorld, use: NumberUse, to: str, code: str
) -> None:
    [number] = world.have(use)

    with pytest.raises(Invalid) as refusal:
        world.assign(number, to)

    assert refusal.value.code == code
    assert world.held()[number].phone.state is NumberState.ACTIVATED


def test_a_number_belongs_to_one(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)
    world.assign(number, QUEUE)

    assert world.assign(number, QUEUE).phone.state is NumberState.ASSIGNED
    with pytest.raises(Conflict, match="`talktime numbers unassign`"):
        world.assign(number, "")
    assert answering(world, number) == (QUEUE, NumberUse.TOLL)


def test_a_number_that_is_taken_back_can_be_assigned_anew(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)
    world.assign(number, QUEUE)

    world.unassign(number)
    world.assign(number, "")

    assert answering(world, number) == ("", NumberUse.TOLL)


def test_only_what_is_active_and_there_can_be_assigned(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    [phone] = world.reserve(NumberUse.TOLL).numbers

    with pytest.raises(Conflict, match="is reserved, so it cannot be assigned"):
        world.assign(phone.listing.number, QUEUE)
    for number in ("13035559999", "1001", "ada@acme.example", "nonsense"):
        with pytest.raises(NotFound, match="Acme has no number"):
            world.assign(number, QUEUE)
    with pytest.raises(NotFound, match=r"Acme has no user 'zoe@acme\.example'"):
        world.assign(phone.listing.number, "zoe@acme.example")


def test_what_is_released_is_anothers_to_have(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)
    world.assign(number, QUEUE)
    with pytest.raises(Conflict, match="is assigned, so it cannot be released"):
        world.release(number)
    world.unassign(number)

    world.release(number)

    assert world.held() == {}
    assert world.reserve(NumberUse.TOLL, organization="Fabrikam").numbers[0].listing.number == number
    with pytest.raises(NotFound):
        world.release(number)


def test_a_reservation_that_is_over_is_released_without_more(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    [phone] = world.reserve(NumberUse.TOLL).numbers
    world.tick(minutes=11)

    assert world.release(phone.listing.number).phone.state is NumberState.AVAILABLE


def test_a_number_with_running_calls_is_not_released(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)
    world.assign(number, "")
    charging = world.app.open_charging()
    charging.charge([StartCall(CallKey("proxy", "one"), world.at, "442079460000", number)])
    charging.close()
    world.unassign(number)

    with pytest.raises(Conflict) as refusal:
        world.release(number)

    assert refusal.value.code == "number_in_use"
    assert world.held()[number].phone.state is NumberState.ACTIVATED


def test_a_number_that_was_brought_counts_in_no_quota_and_can_go_to_a_queue(world: NumberWorld) -> None:
    bring(world)
    world.set_up_credit()

    world.unassign(TOLL_FREE)
    world.assign(TOLL_FREE, QUEUE)

    assert answering(world, TOLL_FREE) == (QUEUE, NumberUse.TOLL_FREE)
    quota = world.quota(NumberUse.TOLL_FREE)
    assert (quota.held_count, quota.ported_count, quota.left) == (0, 1, 20)


def test_a_toll_free_number_that_was_brought_is_not_assigned_before_credits_are_set_up(world: NumberWorld) -> None:
    bring(world)
    world.unassign(TOLL_FREE)

    with pytest.raises(Conflict) as refusal:
        world.assign(TOLL_FREE, QUEUE)

    assert refusal.value.code == "toll_free_needs_credits"


def test_a_number_that_was_brought_goes_away_with_its_release(world: NumberWorld) -> None:
    bring(world)
    world.unassign(TOLL_FREE)

    world.release(TOLL_FREE)

    assert world.held() == {}
    bring(world)
    assert answering(world, TOLL_FREE) == ("", NumberUse.TOLL_FREE)


@pytest.mark.parametrize("organization", ["Acme", "Fabrikam"])
def test_what_was_ordered_nobody_brings(world: NumberWorld, organization: str) -> None:
    [number] = world.have(NumberUse.TOLL)
    eve = NewUser(1, "eve@fabrikam.example", numbers=(number,))

    added = world.app.run(add_users, AddUsers(organization, (eve,), world.at))

    assert added.rows[0].problems == (f"{number} belongs to Acme already",)
    with pytest.raises(Conflict, match="already assigned"):
        world.app.run(add_service_number, AddServiceNumber(organization, number, NumberUse.TOLL))


def test_numbers_that_people_brought_are_listed_too_and_extensions_are_not(world: NumberWorld) -> None:
    dora = NewUser(1, "dora@acme.example", numbers=("+12065550199", "1001"))
    world.app.run(add_users, AddUsers("Acme", (dora,), world.at))

    assert answering(world, "12065550199") == ("dora@acme.example", NumberUse.USER)
    assert list(world.held()) == ["12065550199"]


def test_charging_finds_the_use_of_a_number_and_the_account_that_answers_it(world: NumberWorld) -> None:
    bridge, queue = world.have(NumberUse.TOLL, 2)
    world.assign(bridge, "")
    world.assign(queue, QUEUE)

    statements = open_statements(world.app.settings.database_url)
    with statements.transaction():
        found, _ = statements.find([bridge, queue], [])
    statements.close()

    identities = {row[0]: rows.identity_of(tuple(row)) for row in found}
    assert identities[bridge] == Identity(ACME, NumberUse.TOLL, None)
    assert identities[queue].use is NumberUse.TOLL
    assert identities[queue].user is not None
    assert identities[queue].user.user_principal_name == QUEUE
