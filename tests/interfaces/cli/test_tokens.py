"""`talktime tokens`, as an admin calls it: a secret is shown once, and never again."""

import asyncio

from tests.interfaces.charging.books import Facts
from tests.interfaces.cli.conftest import Ran, Talktime
from tests.interfaces.graph.world import Program, admit, reading


def test_a_program_is_created_listed_and_revoked(acme: Talktime) -> None:
    created = acme("tokens", "create", "Power BI", "--scope", "credits.read.all", "--json").document
    shown = acme("tokens", "list")
    listed = acme("tokens", "--json").document
    revoked = acme("tokens", "revoke", "Power BI", "--json").document
    after = acme("tokens", "list", "--json").document

    assert (created["organization"], created["tenant"], created["scopes"]) == ("Acme", "1", ["Credits.Read.All"])
    assert created["client_secret"].startswith("tts_")
    assert created["client_secret"] not in shown.out + str(listed)
    assert [each["client_id"] for each in listed["applications"]] == [created["client_id"]]
    assert listed["applications"][0]["state"] == "valid"
    assert revoked["client_id"] == created["client_id"]
    assert [each["state"] for each in after["applications"]] == ["revoked"]


def test_what_was_created_gets_a_token_and_is_seen_to_be_used(acme: Talktime, migrated_database_url: str) -> None:
    created = acme("tokens", "create", "reader", "--until", "2099-12-31", "--json").document
    program = Program(created["tenant"], created["client_id"], created["client_secret"])

    async def read() -> int:
        async with reading(migrated_database_url) as door:
            answer = await door.get("/v1.0/communications/credits/balance", token=await door.token(program))
            return answer.status

    status = asyncio.run(read())

    (listed,) = acme("tokens", "--json").document["applications"]
    assert status == 200
    assert listed["last_used_at"] is not None
    assert listed["expires_at"] == "2100-01-01T05:00:00Z"
    assert len(listed["scopes"]) == 3


def test_a_person_is_told_to_keep_the_secret_and_where_tokens_come_from(acme: Talktime) -> None:
    before = acme("tokens")
    created = acme("tokens", "create", "reader")
    acme("tokens", "revoke", "reader")
    after = acme("tokens")

    assert "talktime tokens create" in before.err
    assert "It is not shown again" in created.out
    assert "/1/oauth2/v2.0/token" in created.err
    assert "never" in after.out


def test_what_cannot_be_created_or_revoked_is_refused_with_a_reason(acme: Talktime, migrated_database_url: str) -> None:
    assert _refusal(acme("tokens", "create", "x", "--scope", "Everything", "--json")) == "scope"
    assert _refusal(acme("tokens", "create", " ", "--json")) == "application_name"
    assert _refusal(acme("tokens", "create", "x", "--until", "2020-01-01", "--json")) == "expires_at"
    assert _refusal(acme("tokens", "revoke", "nobody", "--json")) == "application_not_found"
    created = acme("tokens", "create", "x", "--json").document
    assert _refusal(acme("tokens", "create", "x", "--json")) == "application_exists"
    acme("tokens", "revoke", created["client_id"])
    assert _refusal(acme("tokens", "revoke", created["client_id"], "--json")) == "application_revoked"
    for number in range(50):
        admit(migrated_database_url, "Acme", name=str(number))
    assert _refusal(acme("tokens", "create", "one more", "--json")) == "applications_max"


def test_a_secret_whose_day_is_over_is_shown_as_expired(acme: Talktime, migrated_database_url: str) -> None:
    acme("tokens", "create", "reader", "--until", "2099-12-31")
    Facts(migrated_database_url).change("UPDATE applications SET expires_at = created_at + 1")

    (listed,) = acme("tokens", "--json").document["applications"]

    assert listed["state"] == "expired"


def _refusal(ran: Ran) -> str:
    assert ran.code == 2
    return str(ran.document["error"])
