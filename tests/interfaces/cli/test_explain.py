import re
import shlex
from pathlib import Path

import pytest

from talktime.core.calls.calls import DenialReason
from talktime.interfaces.cli.calls.explain import COMMANDS
from tests.interfaces.cli.conftest import Ran, Talktime

DECK = "prefix,destination,price,connection_fee,increment\n44,United Kingdom,0.0150,0.02,60/60\n"
ADA, LONDON = "ada@acme.example", "+442079460000"


def done(ran: Ran) -> Ran:
    """Return what a command answered, which was no error."""
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture
def ada(acme: Talktime, tmp_path: Path) -> Talktime:
    """Give an organization with credit and a deck, and Ada, who has a Phone System license and credits."""
    deck = tmp_path / "deck.csv"
    deck.write_text(DECK, "utf-8")
    done(acme("decks", "import", deck, "--deck", "standard", "--currency", "USD", "--time-zone", "UTC"))
    done(acme("decks", "publish", "standard", "--at", "2026-01-01"))
    done(acme("licenses", "buy", "phone-system", 1))
    done(acme("licenses", "buy", "domestic", 1))
    done(acme("users", "add", ADA, "--number", "+12065550100", "--licenses", "phone system, communications credits"))
    done(acme("credit", "add", 1, "--reference", "A1"))
    return acme


def test_an_allowed_call_is_told_with_what_pays_and_for_how_long(ada: Talktime) -> None:
    ran = done(ada("explain", "--user", ADA, "--to", LONDON))

    assert "✓ Allowed" in ran.out
    assert "✓  Is it known who pays?" in ran.out
    assert "United Kingdom" in ran.out
    assert "0.015 USD a minute, by 60 s + 0.02 USD to connect" in ran.out
    # 1.00 less the fee of 0.02 buys 65 minutes at 0.015.
    assert "After 1 h 5 min it would be cut: credit_exhausted" in ran.out


def test_included_minutes_come_before_credit(ada: Talktime) -> None:
    done(ada("licenses", "assign", ADA, "--on", "domestic"))

    told = done(ada("explain", "--user", ADA, "--to", "+14165550123", "--json")).document

    assert [(each["pays_from"], each["seconds"]) for each in told["pays"]] == [("minutes", 86_400)]
    assert told["steps"][-1]["parts"][0]["facts"]["left"] == "3,000 of 3,000 min"


def test_a_refusal_names_its_step_and_the_commands_that_it_prints_make_the_call_possible(ada: Talktime) -> None:
    done(ada("licenses", "assign", ADA, "--off", "phone-system", "--off", "communications-credits"))
    done(ada("policies", "grant", "DialoutCPCandPSTNDisabled", "--user", ADA))
    done(ada("users", "block", ADA, "--reason", "fraud"))

    refused = done(ada("explain", "--user", ADA, "--to", LONDON))
    commands = [line.strip() for line in refused.out.splitlines() if line.strip().startswith("talktime ")]
    for command in commands:
        done(ada(*shlex.split(command)[1:]))
    allowed = done(ada("explain", "--user", ADA, "--to", LONDON))

    assert "✗ Denied user_blocked" in refused.out
    assert "✗  May this account call out?" in refused.out
    assert "What follows is not asked" in refused.out
    assert [command.split()[1:3] for command in commands] == [
        ["users", "unblock"],
        ["policies", "grant"],
        ["licenses", "assign"],
        ["licenses", "assign"],
    ]
    assert "✓ Allowed" in allowed.out


def test_a_conference_is_explained_for_its_organizer(ada: Talktime) -> None:
    told = done(ada("explain", "--user", ADA, "--organizer", "--to", LONDON, "--json")).document

    assert (told["kind"], told["payer"], told["reason"]) == ("conf_out", ADA, "audio_conferencing_license_missing")
    assert told["remedies"][0]["licenses"][0] == "MCOMEETADV"


def test_a_service_number_is_explained_without_a_user(ada: Talktime) -> None:
    done(ada("numbers", "add", "+18005550199", "--toll-free"))

    told = done(ada("explain", "--kind", "conference-in", "--from", LONDON, "--to", "+18005550199", "--json")).document

    assert (told["payer"], told["reason"]) == (None, "no_rate_deck_in_force")


def test_a_call_for_help_is_free_and_nothing_else_is_asked(ada: Talktime) -> None:
    ran = done(ada("explain", "--user", ADA, "--to", "911"))

    assert "✓ Allowed  and free" in ran.out
    assert "It costs nothing, and could last 24 h." in ran.out


def test_nothing_is_kept_of_an_explanation(ada: Talktime) -> None:
    before = done(ada("credit", "balance", "--json")).document

    done(ada("explain", "--user", ADA, "--to", LONDON))

    assert done(ada("credit", "balance", "--json")).document["available"] == before["available"]
    assert done(ada("audit", "--json")).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--user", "bob@acme.example", "--to", LONDON), "nobody is known as 'bob@acme.example'"),
        (("--user", ADA, "--to", "hello"), "'hello' is no telephone number"),
        (("--to", LONDON), "who calls?"),
        (("--user", ADA, "--to", LONDON, "--at", "2026-06-01T10:00"), "does not say in which time zone"),
        (("--kind", "conference-in", "--to", "+18005550123"), "18005550123 is no number of ours"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_what_to_do(
    ada: Talktime, arguments: tuple[str, ...], message: str
) -> None:
    ran = ada("explain", *arguments)

    assert ran.code == 2
    assert message in ran.err


def test_every_refusal_has_a_command_or_none_on_purpose(talktime: Talktime) -> None:
    assert set(COMMANDS) == set(DenialReason)
    for command in filter(None, COMMANDS.values()):
        _, *words = re.split(r"[ ](?:[A-Z{\"\d-])", command)[0].split()
        assert done(talktime(*words, "--help")).out.startswith(f"Usage: talktime {' '.join(words)}"), command
