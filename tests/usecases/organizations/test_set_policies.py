"""Policies, blocks and toll-free dial-in: who is named obeys at once, and where one name is wrong nobody does."""

from collections.abc import Iterator

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.policies import ANYWHERE, POLICIES, DialOutPolicy, read_policy
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.usecases.organizations.policies.block_users import (
    BlockUser,
    UnblockUser,
    block_user,
    list_blocked,
    unblock_user,
)
from talktime.usecases.organizations.policies.set_policies import (
    Granted,
    GrantPolicy,
    SetPolicy,
    SetTollFree,
    grant_policy,
    set_policy,
    set_toll_free,
    show_policies,
)
from tests.ruling_world import ADA, BOB, CALLER, CYD, LOBBY, NAME, TOLL_FREE, RulingWorld, ruling_world

DOMESTIC, DISABLED = POLICIES["DialoutCPCandPSTNDomestic"], POLICIES["DialoutCPCandPSTNDisabled"]


@pytest.fixture
def world(empty_app: App) -> Iterator[RulingWorld]:
    with ruling_world(empty_app) as opened:
        yield opened


def grant(world: RulingWorld, policy: DialOutPolicy | None, *names: str, dry_run: bool = False) -> Granted:
    return world.app.run(grant_policy, GrantPolicy(NAME, policy, names, dry_run))


def own(world: RulingWorld) -> dict[str, str]:
    return {user.user_principal_name: user.dialout_policy for user in world.app.read(show_policies, NAME).own}


def test_a_policy_that_is_granted_holds_for_the_next_call(world: RulingWorld) -> None:
    granted = grant(world, DOMESTIC, ADA)

    assert granted.is_saved
    assert [(row.before, row.after) for row in granted.rows] == [("", DOMESTIC.name)]
    assert world.refusal() == "policy_forbids_international"
    assert world.refusal(by=BOB) == ""


def test_names_may_be_written_with_a_tag_and_in_any_case() -> None:
    assert read_policy(" tag:dialoutcpcandpstndomestic ") == DOMESTIC
    with pytest.raises(Invalid, match="is no dial-out policy; there are: DialoutCPCandPSTNInternational, "):
        read_policy("tag:DialoutEverywhere")


def test_granting_none_gives_the_organizations_policy_back(world: RulingWorld) -> None:
    grant(world, DOMESTIC, ADA)
    world.app.run(set_policy, SetPolicy(NAME, DISABLED))

    granted = grant(world, None, ADA)

    assert [(row.before, row.after) for row in granted.rows] == [(DOMESTIC.name, "")]
    assert own(world) == {}
    assert world.refusal() == "policy_forbids_calls"


def test_the_organizations_policy_holds_for_whoever_has_none_of_his_own(world: RulingWorld) -> None:
    grant(world, ANYWHERE, ADA)

    changed = world.app.run(set_policy, SetPolicy(NAME, DISABLED))

    assert (changed.before, changed.after) == (ANYWHERE, DISABLED)
    assert world.refusal() == ""
    assert world.refusal(by=BOB) == "policy_forbids_calls"


def test_one_unknown_name_among_many_leaves_everybody_as_he_was(world: RulingWorld) -> None:
    granted = grant(world, DOMESTIC, ADA, "nobody@acme.example", BOB)

    assert not granted.is_saved
    assert [(row.user_principal_name, row.problem) for row in granted.refused] == [
        ("nobody@acme.example", "Acme has no user of this name")
    ]
    assert own(world) == {}


def test_a_dry_run_tells_the_same_and_changes_nothing(world: RulingWorld) -> None:
    told = grant(world, DOMESTIC, ADA, ADA.upper(), dry_run=True)
    everyone = world.app.run(set_policy, SetPolicy(NAME, DISABLED, is_dry_run=True))

    assert [row.user_principal_name for row in told.changed] == [ADA]
    assert not told.is_saved
    assert not everyone.is_saved
    assert own(world) == {}
    assert world.refusal() == ""


def test_everyone_can_be_given_a_policy_at_once(world: RulingWorld) -> None:
    grant(world, DOMESTIC, ADA)

    granted = grant(world, DISABLED)

    assert len(granted.changed) == 4
    assert set(own(world)) == {ADA, BOB, CYD, LOBBY}
    assert set(own(world).values()) == {DISABLED.name}


def test_an_organizer_without_toll_free_dial_in_is_listed_and_allowed_again(world: RulingWorld) -> None:
    world.app.run(set_toll_free, SetTollFree(NAME, (ADA,), is_allowed=False))
    off = [user.user_principal_name for user in world.app.read(show_policies, NAME).without_toll_free]
    refused = world.app.run(set_toll_free, SetTollFree(NAME, (ADA, "nobody@acme.example"), is_allowed=True))
    still_off = world.app.read(show_policies, NAME).without_toll_free

    world.app.run(set_toll_free, SetTollFree(NAME, (ADA,), is_allowed=True))

    assert off == [ADA]
    assert (refused.is_saved, len(still_off)) == (False, 1)
    assert world.app.read(show_policies, NAME).without_toll_free == ()
    with pytest.raises(Invalid, match="say whose"):
        world.app.run(set_toll_free, SetTollFree(NAME, (), is_allowed=True))


def test_a_blocked_user_calls_out_no_more_until_he_is_unblocked(world: RulingWorld) -> None:
    world.app.run(block_user, BlockUser(NAME, ADA, "calls to  satellites", world.at))
    refused = world.refusal()
    _, listed = world.app.read(list_blocked, NAME)

    unblocked = world.app.run(unblock_user, UnblockUser(NAME, ADA))

    assert refused == "user_blocked"
    assert [(each.user.user_principal_name, each.user.block_reason, each.at) for each in listed] == [
        (ADA, "calls to satellites", world.at)
    ]
    assert unblocked.user.block_reason == "calls to satellites"
    assert world.app.read(list_blocked, NAME)[1] == []
    assert world.refusal() == ""


def test_a_block_needs_a_reason_and_somebody_who_is_not_blocked(world: RulingWorld) -> None:
    world.app.run(block_user, BlockUser(NAME, ADA, "fraud", world.at))

    with pytest.raises(Conflict, match="is blocked already: fraud"):
        world.app.run(block_user, BlockUser(NAME, ADA, "again", world.at))
    with pytest.raises(Invalid, match="say why"):
        world.app.run(block_user, BlockUser(NAME, BOB, "  ", world.at))
    with pytest.raises(NotFound, match="has no user"):
        world.app.run(block_user, BlockUser(NAME, "nobody@acme.example", "fraud", world.at))
    with pytest.raises(Conflict, match="is not blocked"):
        world.app.run(unblock_user, UnblockUser(NAME, BOB))


def test_blocks_do_not_end_what_comes_in(world: RulingWorld) -> None:
    world.app.run(block_user, BlockUser(NAME, ADA, "fraud", world.at))

    assert world.refusal(called=TOLL_FREE, caller=CALLER) == ""
    assert world.refusal(called="911") == ""
