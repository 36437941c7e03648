"""What programs read of calls: pages that never skip or repeat, one organization each, numbers masked, money exact."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, StartCall
from talktime.core.insight.tables import format_instant
from talktime.settings import Settings
from talktime.store.instants import from_micros
from talktime.usecases.organizations.policies.block_users import BlockUser, block_user
from tests.interfaces.charging.books import Facts
from tests.interfaces.graph.world import MONTH, PSTN_CALLS, Fields, GraphAnswer, Program, admit, fill, reading
from tests.real_books import ADA, BEGINS_AT

RECORDS = "communications/callRecords"


def _word(place: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


TRUNK_CALLS = f"/v1.0/{RECORDS}/getDirectRoutingCalls{MONTH}"


def test_every_row_of_the_first_pages_instant_comes_once_while_calls_arrive(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    async def read() -> tuple[list[str], list[str], list[Fields]]:
        async with reading(migrated_database_url) as door:
            token = await door.token(program)
            before = [row["id"] for row in await door.all(PSTN_CALLS, token)]
            first = await door.get(f"{PSTN_CALLS}?$top=5", token=token)
            # One that began before everything on the page, and one after.
            for at in (BEGINS_AT - timedelta(hours=1), BEGINS_AT + timedelta(days=9)):
                _charge_call(migrated_database_url, at)
            rest = await door.all(first.fields["@odata.nextLink"], token)
            return before, [row["id"] for row in first.rows], rest

    before, first, rest = asyncio.run(read())

    found = [*first, *(row["id"] for row in rest)]
    assert first == before[:5]
    assert len(set(found)) == len(found)
    assert set(before) < set(found)
    # What came behind the place is read too; what came before it is for the next reading.
    assert len(found) == len(before) + 1


def test_pages_of_any_size_hold_the_same_rows_in_the_same_order(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    addresses = [PSTN_CALLS, TRUNK_CALLS, f"/beta/{RECORDS}/getPstnOnlineMeetingDialoutReport{MONTH}"]

    async def read() -> list[list[list[Fields]]]:
        async with reading(migrated_database_url) as door:
            token = await door.token(program)
            return [[await door.all(f"{each}?$top={top}", token) for top in (1, 3, 1_000)] for each in addresses]

    for by_one, by_three, whole in asyncio.run(read()):
        assert by_one == by_three == whole != []


def test_both_instants_are_included(sqlite_world: str, sqlite_token: Program) -> None:
    (row, *_), exactly, before, after = _read(
        sqlite_world,
        sqlite_token,
        PSTN_CALLS,
        _between("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        _between("2026-03-02T08:00:00Z", "2026-03-02T08:59:59.999999Z"),
        # Seven decimals, as the original writes them; and an offset whose plus sign became a blank.
        _between("2026-03-02T09:00:00.0000010 00:00", "2026-03-02T09:30:00+00:00"),
    )

    assert row["startDateTime"] == "2026-03-02T09:00:00Z"
    assert exactly == [row]
    assert before == after == []


def test_the_first_page_says_until_when_it_is_complete(sqlite_world: str, sqlite_token: Program) -> None:
    """On 11 April a call is open: rows of calls that began after it may still come."""

    async def read() -> list[GraphAnswer]:
        async with reading(sqlite_world) as door:
            token = await door.token(sqlite_token)
            first = await door.get(f"{PSTN_CALLS}?$top=30", token=token)
            open_until = await door.get(_between("2026-03-01", "2026-05-01"), token=token)
            return [first, await door.get(first.fields["@odata.nextLink"], token=token), open_until]

    first, second, with_open_call = asyncio.run(read())

    # The parked report of a call that nobody knows, 33 seconds long, may be anybody's.
    parked = Facts(sqlite_world).one("SELECT min(received_at - used_seconds * 1000000) FROM parked_reports")
    assert first.fields["@talktime.completeUntil"] == format_instant(from_micros(parked))
    assert "@talktime.completeUntil" not in second.fields
    assert with_open_call.fields["@talktime.completeUntil"] == first.fields["@talktime.completeUntil"]


def test_a_month_belongs_to_one_organization(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    ours, theirs = (admit(migrated_database_url, name) for name in ("Acme", "Fabrikam"))

    async def read() -> tuple[list[Fields], list[Fields], list[Fields], list[Fields]]:
        async with reading(migrated_database_url) as door:
            our_token, their_token = await door.token(ours), await door.token(theirs)
            our_page = await door.get(f"{PSTN_CALLS}?$top=1", token=our_token)
            # An address that Acme was given, in the hands of Fabrikam.
            handed_over = await door.all(our_page.fields["@odata.nextLink"], their_token)
            return (
                await door.all(PSTN_CALLS, our_token),
                await door.all(PSTN_CALLS, their_token),
                handed_over,
                await door.all(TRUNK_CALLS, their_token),
            )

    acme, fabrikam, handed_over, trunks = asyncio.run(read())

    assert {row["callId"] for row in fabrikam} == {"cut", "overrun"}
    assert {row["userPrincipalName"] for row in fabrikam + handed_over + trunks} == {"eve@fabrikam.example"}
    assert not {row["id"] for row in acme} & {row["id"] for row in fabrikam}
    assert handed_over == fabrikam


def test_an_outside_number_loses_its_last_digits_where_the_organizations_country_asks_for_it(
    migrated_database_url: str,
) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    Facts(migrated_database_url).change("UPDATE organizations SET country = 'CH' WHERE name = 'Acme'")

    calls, attempts = _read(migrated_database_url, program, PSTN_CALLS, TRUNK_CALLS)

    out, inbound = _named(calls, "ordinary-00"), _named(calls, "inbound-user")
    assert (out["callerNumber"], out["calleeNumber"]) == ("+442071234567", "+44207946****")
    assert (inbound["callerNumber"], inbound["calleeNumber"]) == ("+3314020****", "+442071234567")
    assert _named(calls, "emergency")["calleeNumber"] == "999"
    refused = [row for row in attempts if row["finalSipCodePhrase"] == "Destination Blocked"]
    assert [row["calleeNumber"] for row in refused] == ["+88161234****"]


def test_money_is_written_exactly_and_adds_up_to_what_was_charged(sqlite_world: str, sqlite_token: Program) -> None:
    async def read() -> list[bytes]:
        async with reading(sqlite_world) as door:
            token = await door.token(sqlite_token)
            addresses = (PSTN_CALLS, PSTN_CALLS.replace("v1.0", "beta"))
            return [(await door.get(each, token=token)).body for each in addresses]

    bodies = asyncio.run(read())

    facts = Facts(sqlite_world)
    charged = Decimal(facts.one("SELECT sum(cost_micros) FROM usage_rows WHERE organization_id = 1")) / 1_000_000
    for body in bodies:
        rows = json.loads(body, parse_float=Decimal)["value"]
        assert sum(row["charge"] for row in rows) == charged
        assert all(isinstance(row["charge"], Decimal) for row in rows)


def test_the_beta_has_what_the_first_version_lacks_and_all_else_alike(sqlite_world: str, sqlite_token: Program) -> None:
    first, beta = _read(sqlite_world, sqlite_token, PSTN_CALLS, PSTN_CALLS.replace("v1.0", "beta"))

    more = ("otherPartyCountryCode", "administrativeUnitInfos")
    assert [{name: value for name, value in row.items() if name not in more} for row in beta] == first
    assert _named(beta, "inbound-user")["otherPartyCountryCode"] == "FR"


def test_calls_of_bots_name_no_user(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    facts = Facts(migrated_database_url)
    facts.change("UPDATE usage_rows SET kind = 'ucap_out' WHERE call_key LIKE '%ordinary-00'")
    facts.change("UPDATE calls SET kind = 'ucap_out' WHERE call_key LIKE '%ordinary-00'")

    calls, attempts = _read(migrated_database_url, program, PSTN_CALLS, TRUNK_CALLS)

    (attempt,) = [row for row in attempts if row["callType"] == "dr_out_bot"]
    for row in (_named(calls, "ordinary-00"), attempt):
        assert row["userId"] is row["userPrincipalName"] is row["userDisplayName"] is None


def test_the_trunks_log_has_each_attempt_once_with_how_it_ended(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")

    attempts, beta = _read(migrated_database_url, program, TRUNK_CALLS, TRUNK_CALLS.replace("v1.0", "beta"))

    facts = Facts(migrated_database_url)
    wanted = facts.one(
        "SELECT count(*) FROM calls WHERE organization_id = 1 AND started_at < 1775000000000000"
        " AND (denial IS NOT NULL OR usage_rows_count > 0)"
    )
    assert len({row["id"] for row in attempts}) == len(attempts) == wanted
    assert [row["inviteDateTime"] for row in attempts] == sorted(row["inviteDateTime"] for row in attempts)
    by_phrase = {row["finalSipCodePhrase"]: row for row in attempts}
    assert by_phrase["BYE"]["successfulCall"]
    assert by_phrase["BYE"]["failureDateTime"] is None
    refused = by_phrase["License Missing"]
    assert (refused["finalSipCode"], refused["callEndSubReason"]) == (403, 580_464)
    assert (refused["successfulCall"], refused["endDateTime"]) == (False, None)
    assert refused["failureDateTime"] == refused["inviteDateTime"]
    unanswered = by_phrase[None]
    assert (unanswered["successfulCall"], unanswered["duration"], unanswered["finalSipCode"]) == (False, 0, None)
    assert {row["trunkFullyQualifiedDomainName"] for row in attempts} == {"sbc1"}
    assert {row["callType"] for row in attempts} == {"dr_out", "dr_in", "dr_emergency_out", "conf_in", "conf_out"}
    assert {row["otherPartyCountryCode"] for row in beta} >= {"GB", "FR", "DE", "IE"}


def test_legs_of_one_call_share_what_correlates_them(sqlite_world: str, sqlite_token: Program) -> None:
    (attempts,) = _read(sqlite_world, sqlite_token, TRUNK_CALLS)

    shared: dict[str, int] = {}
    for row in attempts:
        shared[row["correlationId"]] = shared.get(row["correlationId"], 0) + 1
    assert sorted(shared.values())[-2:] == [1, 2]


def test_dial_outs_add_up_by_organizer_and_by_home_and_abroad(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    facts = Facts(migrated_database_url)
    facts.change("UPDATE usage_rows SET kind = 'call_me' WHERE call_key LIKE '%ordinary-0_'")

    calls, report = _read(
        migrated_database_url, program, PSTN_CALLS, f"/beta/{RECORDS}/getPstnOnlineMeetingDialoutReport{MONTH}"
    )

    meetings = [row for row in calls if row["callType"] == "conf_out"]
    # Of one of the numbers the plan does not tell the country.
    assert [line["destinationContext"] for line in report] == [None, "Domestic", "International"]
    for line in report:
        rows = [row for row in meetings if row["destinationContext"] == line["destinationContext"]]
        assert line["totalCalls"] == len(rows) > 1
        assert line["totalCallSeconds"] == sum(row["duration"] for row in rows)
        assert Decimal(str(line["totalCallCharge"])) == sum(Decimal(str(row["charge"])) for row in rows)
        assert (line["userPrincipalName"], line["usageLocation"]) == ("ada@acme.example", "GB")


def test_blocked_users_are_listed_with_reason_and_number(migrated_database_url: str) -> None:
    fill(migrated_database_url)
    program = admit(migrated_database_url, "Acme")
    blocked_at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    with App(Settings(database=migrated_database_url)) as app:
        for name in ("ada@acme.example", "bob@acme.example"):
            app.run(block_user, BlockUser("Acme", name, "Calls at night", blocked_at))
    log = f"/beta/{RECORDS}/getPstnBlockedUsersLog"

    by_one, earlier = _read(
        migrated_database_url,
        program,
        f"{log}{MONTH}?$top=1",
        f"{log}(fromDateTime=2026-02-01,toDateTime=2026-03-09)",
    )

    assert [(row["userPrincipalName"], row["userTelephoneNumber"]) for row in by_one] == [
        ("ada@acme.example", "+442071234567"),
        ("bob@acme.example", "+442071234568"),
    ]
    assert {row["blockReason"] for row in by_one} == {"Calls at night"}
    assert {row["userBlockMode"] for row in by_one} == {"blocked"}
    assert {row["blockDateTime"] for row in by_one} == {"2026-03-09T08:00:00Z"}
    assert earlier == []


def test_of_short_messages_there_is_nothing_to_report(sqlite_world: str, sqlite_token: Program) -> None:
    (messages,) = _read(sqlite_world, sqlite_token, f"/beta/{RECORDS}/getSmsLog{MONTH}")

    assert messages == []


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        (f"{RECORDS}/getPstnCalls(fromDateTime=2026-01-01,toDateTime=2026-04-02)", 400, "90 days"),
        (f"{RECORDS}/getPstnCalls(fromDateTime=2026-02-01,toDateTime=2026-01-31)", 400, "exchange them"),
        (f"{RECORDS}/getPstnCalls(fromDateTime=yesterday,toDateTime=2026-01-31)", 400, "2026-11-01T00:00:00Z"),
        (f"{RECORDS}/getPstnCalls(fromDateTime=9999-12-31T23:59:59.999999Z,toDateTime=9999-12-31)", 400, "instant"),
        (f"{RECORDS}/getPstnCalls(from=2026-01-01,to=2026-01-31)", 400, "fromDateTime="),
        (f"{RECORDS}/getPstnCalls(fromDateTime=2026-01-01)", 400, "toDateTime="),
        (f"{RECORDS}/getPstnCalls", 400, "getPstnCalls(fromDateTime="),
        (f"{RECORDS}/getPstnCalls{MONTH}?$skip=1000", 400, "@odata.nextLink"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$filter=charge gt 1", 400, "$filter"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$top=1001", 400, "1 to 1000"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$top=0", 400, "1 to 1000"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$top=5&$top=6", 400, "twice"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$skiptoken=nonsense", 400, "begin without"),
        (f"{RECORDS}/getDirectRoutingCalls{MONTH}?$skiptoken=nonsense", 400, "begin without"),
        (f"{RECORDS}/getDirectRoutingCalls{MONTH}?$skiptoken=WzFd", 400, "begin without"),
        (f"{RECORDS}/getDirectRoutingCalls{MONTH}?$skiptoken={_word([2**70, 'x'])}", 400, "begin without"),
        (f"{RECORDS}/getDirectRoutingCalls{MONTH}?$skiptoken={_word([1, chr(0)])}", 400, "begin without"),
        (f"{RECORDS}/getPstnCalls{MONTH}?$skiptoken={_word(['start', False, 1, 2**70, 'x', 0])}", 400, "begin without"),
        *(
            pytest.param(
                f"{RECORDS}/{name}{MONTH}?$skiptoken={base64.urlsafe_b64encode(written.encode()).decode()}",
                *(400, "begin without"),
                id=f"{name} and what no page gave, {number}",
            )
            for name in ("getPstnCalls", "getDirectRoutingCalls")
            for number, written in enumerate(
                ("[" * 20_000, '["start",false,1,1,"\\ud800",0]', '[1,"\\ud800"]', "[true,1]")
            )
        ),
        (f"{RECORDS}/getSmsLog{MONTH}", 404, "/beta/"),
        ("communications/credits/pools?month=9999-12", 400, "month=2026-11"),
        (f"{RECORDS}/getOther{MONTH}", 404, "getPstnCalls"),
        ("users", 404, "credits/balance"),
        ("communications/credits/pools?month=soon", 400, "month=2026-11"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_could_be(
    address: str, status: int, said: str, sqlite_world: str, sqlite_token: Program
) -> None:
    async def read() -> GraphAnswer:
        async with reading(sqlite_world) as door:
            asked = f"/v1.0/{address}"
            return await door.get(asked, token=await door.token(sqlite_token), client_request_id="mine")

    answer = asyncio.run(read())

    assert answer.status == status
    assert answer.code in {"BadRequest", "ResourceNotFound"}
    assert said in answer.message
    assert answer.fields["error"]["innerError"]["client-request-id"] == answer.headers["client-request-id"] == "mine"
    assert answer.fields["error"]["innerError"]["request-id"] == answer.headers["request-id"]


def test_the_comma_that_an_sdk_loses_is_not_missed(sqlite_world: str, sqlite_token: Program) -> None:
    without = PSTN_CALLS.replace(",", "")
    namespaced = PSTN_CALLS.replace("getPstnCalls", "microsoft.graph.callRecords.getPstnCalls")
    exchanged = f"/v1.0/{RECORDS}/getPstnCalls(toDateTime='2026-03-31T23:59:59Z', fromDateTime='2026-03-01')"

    rows = _read(sqlite_world, sqlite_token, PSTN_CALLS, without, namespaced, exchanged)

    assert rows[0] == rows[1] == rows[2] == rows[3] != []


def test_addresses_begin_where_a_proxy_stands(sqlite_world: str, sqlite_token: Program) -> None:
    async def read() -> GraphAnswer:
        async with reading(sqlite_world, api_root="https://graph.example/") as door:
            return await door.get(f"{PSTN_CALLS}?$top=1", token=await door.token(sqlite_token))

    fields = asyncio.run(read()).fields

    assert fields["@odata.nextLink"].startswith(f"https://graph.example{PSTN_CALLS}?$top=1&$skiptoken=")
    context = "https://graph.example/v1.0/$metadata#Collection(microsoft.graph.callRecords.pstnCallLogRow)"
    assert fields["@odata.context"] == context


def _read(url: str, program: Program, *addresses: str) -> list[list[Fields]]:
    async def read() -> list[list[Fields]]:
        async with reading(url) as door:
            token = await door.token(program)
            return [await door.all(each, token) for each in addresses]

    return asyncio.run(read())


def _named(rows: list[Fields], call_id: str) -> Fields:
    (row,) = [row for row in rows if row["callId"] == call_id]
    return row


def _between(first: str, last: str) -> str:
    return f"/v1.0/{RECORDS}/getPstnCalls(fromDateTime={first},toDateTime={last})"


def _charge_call(url: str, at: datetime) -> None:
    with App(Settings(database=url)) as app:
        charging = app.open_charging()
        key = CallKey("sbc1", f"meanwhile-{at:%d%H}")
        assert None not in charging.charge([StartCall(key, at, ADA, "442079460000")])
        assert None not in charging.charge([EndCall(key, at + timedelta(seconds=9), 5)])
        charging.close()
