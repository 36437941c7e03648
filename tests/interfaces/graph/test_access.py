"""Who may read: tokens for an hour, one organization each, refusals in OAuth's own words, no secret in a log."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from talktime.bootstrap import App
from talktime.core.insight.access.applications import TOKEN_LIFETIME, Access, AccessRefusal, Scope
from talktime.interfaces.graph.allowances import Allowances
from talktime.interfaces.graph.door import GraphDoor
from talktime.settings import Settings
from talktime.usecases.insight.access.check_access import (
    CheckToken,
    IssueToken,
    TokenIssued,
    check_token,
    issue_token,
)
from talktime.usecases.insight.access.manage_applications import RevokeApplication, revoke_application
from tests.interfaces.charging.books import Facts
from tests.interfaces.graph.world import (
    MONTH,
    PSTN_CALLS,
    Door,
    GraphAnswer,
    Program,
    admit,
    form,
    found,
    reading,
    sip_answers,
)

BALANCE = "/v1.0/communications/credits/balance"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
T = TypeVar("T")


def test_a_token_lives_an_hour_and_what_is_over_is_forgotten(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme", Scope.CREDITS)
    with App(Settings(database=migrated_database_url)) as app:
        issued = app.run(issue_token, _asked(program, "tta_first", NOW))
        in_time = app.read(check_token, CheckToken("tta_first", NOW + timedelta(minutes=59)))
        too_late = app.read(check_token, CheckToken("tta_first", NOW + TOKEN_LIFETIME))
        other = app.read(check_token, CheckToken("tta_other", NOW))
        app.run(issue_token, _asked(program, "tta_second", NOW + TOKEN_LIFETIME))

    assert issued == TokenIssued(NOW + TOKEN_LIFETIME, Scope.CREDITS)
    assert isinstance(in_time, Access)
    assert (in_time.organization.name, in_time.scopes) == ("Acme", Scope.CREDITS)
    assert (too_late, other) == (AccessRefusal.TOKEN_EXPIRED, AccessRefusal.TOKEN_UNKNOWN)
    assert Facts(migrated_database_url).one("SELECT count(*) FROM access_tokens") == 1


def test_of_secrets_and_tokens_only_digests_are_kept(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    token = _with(migrated_database_url, lambda door: door.token(program))

    kept = Facts(migrated_database_url).rows("SELECT secret_digest FROM applications")
    kept += Facts(migrated_database_url).rows("SELECT token_digest FROM access_tokens")

    assert all(len(digest) == 64 for (digest,) in kept)
    assert not {program.secret, token} & {digest for (digest,) in kept}


def test_a_revoked_application_reads_nothing_more(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read(door: Door) -> list[GraphAnswer]:
        token = await door.token(program)
        before = await door.get(BALANCE, token=token)
        with App(Settings(database=migrated_database_url)) as app:
            app.run(revoke_application, RevokeApplication("Acme", "reader", datetime.now(UTC)))
        return [before, await door.get(BALANCE, token=token), await _token(door, program)]

    before, after, no_token = _with(migrated_database_url, read)

    assert (before.status, after.status, no_token.status) == (200, 401, 401)
    assert "revoked" in no_token.fields["error_description"]


def test_a_secret_ends_on_its_day_and_its_tokens_with_it(migrated_database_url: str) -> None:
    found(migrated_database_url)
    ends_at = datetime.now(UTC) + timedelta(minutes=30)
    program = admit(migrated_database_url, "Acme", expires_at=ends_at)
    with App(Settings(database=migrated_database_url)) as app:
        issued = app.run(issue_token, _asked(program, "tta_first", ends_at - timedelta(minutes=1)))
        afterwards = app.run(issue_token, _asked(program, "tta_second", ends_at))

    assert isinstance(issued, TokenIssued)
    assert issued.expires_at == ends_at
    assert afterwards is AccessRefusal.CLIENT_ENDED


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "tts_wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "no\0body"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": "CallRecords.Read.All"}, 400, "invalid_scope"),
        ({"scope": "openid https://talktime.example/.default"}, 400, "invalid_scope"),
    ],
)
def test_a_token_is_refused_in_the_words_of_oauth(
    changed: dict[str, str], status: int, error: str, sqlite_world: str, sqlite_token: Program
) -> None:
    async def read(door: Door) -> GraphAnswer:
        return await door.post(_endpoint(sqlite_token), form(sqlite_token, **changed))

    answer = _with(sqlite_world, read)

    assert (answer.status, answer.fields["error"]) == (status, error)
    assert len(answer.fields["error_description"]) > 30
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_that_cannot_be_read_is_refused(sqlite_world: str, sqlite_token: Program) -> None:
    async def read(door: Door) -> list[GraphAnswer]:
        endpoint = _endpoint(sqlite_token)
        good = form(sqlite_token)
        return [
            await door.post(endpoint, good, content_type="application/json"),
            await door.post(endpoint, {name: value for name, value in good.items() if name != "client_secret"}),
            await door.post(endpoint, {}),
            await door.post(endpoint, good, authorization="Basic !!!"),
            await door.post(endpoint, good, authorization="Basic " + base64.b64encode(b"no colon").decode()),
            await door.post(endpoint, good | {"more": "x" * 20_000}),
            await door.get(endpoint),
            await door.post(PSTN_CALLS, good),
        ]

    answers = _with(sqlite_world, read)

    assert [answer.status for answer in answers] == [400, 400, 400, 400, 400, 400, 405, 405]
    assert {answer.fields["error"] for answer in answers[:5]} == {"invalid_request"}
    assert [answer.headers["allow"] for answer in answers[-2:]] == ["POST", "GET"]


def test_a_secret_may_come_in_the_header_and_a_tenant_by_its_name(sqlite_world: str, sqlite_token: Program) -> None:
    basic = base64.b64encode(f"{sqlite_token.client_id}:{sqlite_token.secret}".encode()).decode()
    fields = {"grant_type": "client_credentials", "scope": "x/.default"}

    async def read(door: Door) -> list[GraphAnswer]:
        return [
            await door.post("/ACME/oauth2/v2.0/token", fields, authorization=f"Basic {basic}"),
            await door.post("/Fabrikam/oauth2/v2.0/token", fields, authorization=f"Basic {basic}"),
            await door.post("/1/oauth2/v2.0/token", fields, authorization=f"basic {basic[:-4]}"),
        ]

    by_name, of_others, wrong = _with(sqlite_world, read)

    assert by_name.status == 200
    assert (by_name.fields["token_type"], by_name.fields["expires_in"]) == ("Bearer", 3_600)
    assert (of_others.status, of_others.fields["error"]) == (400, "unauthorized_client")
    assert (wrong.status, wrong.headers["www-authenticate"]) == (401, 'Basic realm="talktime"')


def test_who_shows_no_good_token_is_told_where_tokens_come_from(sqlite_world: str) -> None:
    async def read(door: Door) -> list[GraphAnswer]:
        return [
            await door.get(BALANCE),
            await door.get(BALANCE, token="tta_guessed"),
            await door.get(BALANCE, token="eyJhbGciOi"),
            await door.get(BALANCE, authorization="Basic YTpi"),
        ]

    answers = _with(sqlite_world, read)

    assert {answer.status for answer in answers} == {401}
    assert {answer.code for answer in answers} == {"InvalidAuthenticationToken"}
    for answer in answers:
        assert answer.headers["www-authenticate"].startswith("Bearer realm=")
        assert "/oauth2/v2.0/token" in answer.headers["www-authenticate"]
    assert "invalid_token" not in answers[0].headers["www-authenticate"]
    assert "invalid_token" in answers[1].headers["www-authenticate"]


def test_each_scope_opens_what_it_names_and_no_more(migrated_database_url: str) -> None:
    found(migrated_database_url)
    trunks = f"/v1.0/communications/callRecords/getDirectRoutingCalls{MONTH}"
    programs = [admit(migrated_database_url, "Acme", scope, name=str(scope.name)) for scope in Scope]

    async def read(door: Door) -> list[list[GraphAnswer]]:
        tokens = [await door.token(program) for program in programs]
        return [[await door.get(each, token=token) for each in (PSTN_CALLS, trunks, BALANCE)] for token in tokens]

    answers = _with(migrated_database_url, read)

    assert [[answer.status for answer in each] for each in answers] == [
        [200, 200, 403],
        [200, 200, 403],
        [403, 403, 200],
    ]
    refused = answers[0][2]
    assert refused.code == "Forbidden"
    assert "Credits.Read.All" in refused.message
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="Credits.Read.All"'


def test_whoever_asks_too_often_is_told_when_to_ask_again(sqlite_world: str, sqlite_token: Program) -> None:
    other = admit(sqlite_world, "Acme", name="patient")
    clock = [0.0]
    allowances = Allowances(2, 0.5, lambda: clock[0])

    async def read() -> list[GraphAnswer]:
        async with reading(sqlite_world, allowances) as door:
            hasty, patient = await door.token(sqlite_token), await door.token(other)
            answers = [await door.get(BALANCE, token=hasty) for _ in range(3)]
            answers.append(await door.get(BALANCE, token=patient))
            clock[0] += 2
            return [*answers, await door.get(BALANCE, token=hasty)]

    answers = asyncio.run(read())

    assert [answer.status for answer in answers] == [200, 200, 429, 200, 200]
    assert (answers[2].headers["retry-after"], answers[2].code) == ("2", "TooManyRequests")


def test_a_program_that_asks_for_a_token_each_time_is_stopped(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read(door: Door) -> list[GraphAnswer]:
        return [await _token(door, program) for _ in range(22)]

    answers = _with(migrated_database_url, read)

    assert answers[-1].status == 429
    assert answers[-1].fields["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_who_only_knows_a_client_id_shuts_its_application_out_from_nowhere(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read(door: Door) -> list[GraphAnswer]:
        wrong = form(program, client_secret="tts_guessed")
        guesses = [await door.post(_endpoint(program), wrong) for _ in range(22)]
        elsewhere = door.from_address("192.0.2.7")
        mistaken = await elsewhere.post(_endpoint(program), wrong)
        return [*guesses, mistaken, await _token(elsewhere, program), await _token(door, program)]

    with capture_logs() as logs:
        *guesses, mistaken, elsewhere, here = _with(migrated_database_url, read)

    assert [guess.status for guess in guesses[:20]] == [401] * 20
    assert guesses[-1].status == 429
    assert int(guesses[-1].headers["retry-after"]) >= 1
    # From another address it still says what is wrong; and a right secret is answered wherever it comes from.
    assert (mistaken.status, elsewhere.status, here.status) == (401, 200, 200)
    assert len([entry for entry in logs if entry["event"] == "token_refused"]) < len(guesses) + 1


def test_a_program_that_failed_often_has_its_whole_allowance_once_it_proves_itself(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read(door: Door) -> list[GraphAnswer]:
        for _ in range(22):
            await door.post(_endpoint(program), form(program, client_secret="tts_guessed"))
        return [await _token(door, program) for _ in range(20)]

    assert [answer.status for answer in _with(migrated_database_url, read)] == [200] * 20


def test_allowances_of_those_who_asked_long_ago_are_forgotten() -> None:
    allowances = Allowances(1, 0.001, lambda: 0.0)
    for number in range(10_001):
        allowances.wait_seconds(str(number))

    # The first one was forgotten, and begins anew; the last one was not.
    assert (allowances.wait_seconds("0"), allowances.wait_seconds("10000")) == (0, 1_000)


def test_of_very_many_who_ask_at_once_some_are_sent_away(sqlite_world: str) -> None:
    async def read(door: Door) -> list[GraphAnswer]:
        return await asyncio.gather(*(door.get(BALANCE, token="tta_guessed") for _ in range(70)))

    answers = _with(sqlite_world, read)

    away = [answer for answer in answers if answer.status == 503]
    assert len(away) == 6
    assert {answer.headers["retry-after"] for answer in away} == {"5"}


def test_without_a_database_it_is_said_so_and_no_address_of_it_is_told() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"

    # Opened by hand: there is no schema to bring up to date.
    with closing(App(Settings(database=url))) as app, capture_logs() as logs:
        answer = asyncio.run(Door(GraphDoor(app, sip_answers())).get(BALANCE, token="tta_any"))

    assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    assert "nobody" not in answer.message
    assert [entry["event"] for entry in logs] == ["graph_unavailable"]


def test_no_secret_and_no_token_comes_into_the_log(sqlite_world: str, sqlite_token: Program) -> None:
    async def read(door: Door) -> str:
        token = await door.token(sqlite_token)
        await door.get(BALANCE, token=token)
        await door.get(BALANCE, token=token + "x")
        # Id and secret confused, and a secret of somebody else's.
        await door.post(_endpoint(sqlite_token), form(sqlite_token, client_id=sqlite_token.secret))
        await door.post(_endpoint(sqlite_token), form(sqlite_token, client_secret="tts_of-somebody-else"))
        return token

    with capture_logs() as logs:
        token = _with(sqlite_world, read)

    assert [entry["reason"] for entry in logs] == ["client_unknown", "secret_wrong"]
    assert not any(word in str(logs) for word in (sqlite_token.secret, token, "tts_of-somebody-else"))


def test_a_bug_of_ours_is_logged_and_told_without_its_details(migrated_database_url: str) -> None:
    found(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read(door: Door) -> GraphAnswer:
        token = await door.token(program)
        Facts(migrated_database_url).change("UPDATE organizations SET time_zone = 'Nowhere'")
        return await door.get(BALANCE, token=token)

    with capture_logs() as logs:
        answer = _with(migrated_database_url, read)

    assert (answer.status, answer.code) == (500, "InternalServerError")
    assert [entry["event"] for entry in logs] == ["graph_failed"]
    assert "Nowhere" not in answer.message


def test_openid_connect_clients_find_the_token_endpoint(sqlite_world: str) -> None:
    answer = _with(sqlite_world, lambda door: door.get("/acme/v2.0/.well-known/openid-configuration"))

    assert answer.fields["token_endpoint"] == "http://talktime.example/acme/oauth2/v2.0/token"


def _with(url: str, ask: Callable[[Door], Awaitable[T]]) -> T:
    async def read() -> T:
        async with reading(url) as door:
            return await ask(door)

    return asyncio.run(read())


async def _token(door: Door, program: Program) -> GraphAnswer:
    return await door.post(_endpoint(program), form(program))


def _endpoint(program: Program) -> str:
    return f"/{program.tenant}/oauth2/v2.0/token"


def _asked(program: Program, token: str, at: datetime) -> IssueToken:
    return IssueToken(program.tenant, program.client_id, program.secret, token, at)
