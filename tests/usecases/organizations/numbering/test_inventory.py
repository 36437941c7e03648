from dataclasses import replace

from talktime.core.organizations.numbering.inventory import ListedNumber, Outcome
from talktime.core.organizations.numbering.phone_numbers import NumberState
from talktime.core.organizations.users import NumberUse
from talktime.usecases.organizations.manage_users import AddServiceNumber, add_service_number
from talktime.usecases.organizations.numbering.import_inventory import Inventory, ListInventory, list_inventory
from tests.usecases.organizations.numbering.worlds import NumberWorld

ROWS = (
    ListedNumber(2, "+12065550100", "user", "", "Seattle"),
    ListedNumber(3, "+18005550100", "toll-free"),
)


def inventory(world: NumberWorld) -> Inventory:
    return world.app.read(list_inventory, ListInventory(world.at))


def test_a_dry_run_tells_and_saves_nothing(world: NumberWorld) -> None:
    tried = world.import_(ROWS, dry_run=True)

    assert tried.count(Outcome.NEW) == 2
    assert not tried.is_saved
    assert inventory(world).counts == {}


def test_the_same_file_twice_changes_nothing(world: NumberWorld) -> None:
    world.import_(ROWS)
    before = inventory(world)

    again = world.import_(ROWS)

    assert again.count(Outcome.UNCHANGED) == 2
    assert inventory(world) == before


def test_a_later_file_corrects_what_differs_even_of_a_number_that_is_held(world: NumberWorld) -> None:
    world.import_(ROWS)
    world.reserve(NumberUse.USER)

    changed = world.import_([replace(ROWS[0], area="Tacoma")])

    assert changed.count(Outcome.CHANGED) == 1
    phone, owner = inventory(world).page[0]
    assert (phone.listing.area, phone.state, owner) == ("Tacoma", NumberState.RESERVED, "Acme")


def test_one_row_with_a_problem_and_nothing_is_imported(world: NumberWorld) -> None:
    world.app.run(add_service_number, AddServiceNumber("Fabrikam", "+13035550100", NumberUse.TOLL))
    rows = (*ROWS, replace(ROWS[0], line=4), ListedNumber(5, "12", "user"), ListedNumber(6, "+13035550100", "toll"))

    refused = world.import_(rows)

    assert {row.line: row.problems for row in refused.rows if row.problems} == {
        4: ("it stands in line 2 already",),
        5: ("'12' is no international number: write + and the country code first",),
        6: ("Fabrikam brought it, and has it already",),
    }
    assert not refused.is_saved
    assert inventory(world).counts == {}


def test_what_somebody_brought_past_the_inventory_is_offered_to_nobody(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 2)
    world.app.run(add_service_number, AddServiceNumber("Fabrikam", "+13035550002", NumberUse.TOLL))

    reserved = world.reserve(NumberUse.TOLL, 2)

    assert [phone.listing.number for phone in reserved.numbers] == ["13035550003"]
    assert list(world.held("Fabrikam")) == ["13035550002"]


def test_more_numbers_than_one_statement_takes_are_imported_together(world: NumberWorld) -> None:
    imported = world.offer(NumberUse.USER, 2_001)

    found = inventory(world)
    assert imported.count(Outcome.NEW) == 2_001
    assert found.counts == {(NumberUse.USER, NumberState.AVAILABLE): 2_001}
    assert len(found.page) == 1_000


def test_reservations_that_are_over_count_as_available(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 3)
    world.reserve(NumberUse.TOLL, 2)

    before = inventory(world).counts
    world.tick(minutes=10)

    assert before == {(NumberUse.TOLL, NumberState.AVAILABLE): 1, (NumberUse.TOLL, NumberState.RESERVED): 2}
    assert inventory(world).counts == {(NumberUse.TOLL, NumberState.AVAILABLE): 3}
