"""The usage report's cells: the original's 25 columns, and ours."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.calls import CallKey, CallKind, Ending, Flags, PaysFrom
from talktime.core.calls.cdrs import UsageRow
from talktime.core.insight import usage
from talktime.core.insight.usage import LAYOUTS, ORIGINAL, TALKTIME, Layout, ReportedUsage, period_of, rounded
from talktime.core.insight.usage_totals import TOTAL_COLUMNS, UsageTotal, UsageTotals

STARTED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROW = UsageRow(
    organization_id=7,
    key=CallKey("sbc1", "3c26-1", "b"),
    line=0,
    kind=CallKind.USER_OUT,
    user_id=5,
    conference_id="",
    caller="442071838750",
    called="33140205050",
    destination="France fixed",
    prefix="331",
    deck_version_id=4,
    started_at=STARTED_AT,
    answered_at=STARTED_AT + timedelta(seconds=4),
    ended_at=STARTED_AT + timedelta(seconds=65),
    used_seconds=61,
    billed_seconds=120,
    connection_fee_micros=50_000,
    cost_micros=112_345,
    uncovered_micros=345,
    currency="GBP",
    paid_by=PaysFrom.CREDIT,
    ending=Ending.HANGUP,
    flags=Flags.NONE,
)
REPORTED = ReportedUsage(ROW, "ada@acme.example", "Ada Byron", "GB", "Analysis", "az", 2)


def cells(layout: Layout = ORIGINAL, country: str = "GB", location: str = "GB", **changed: object) -> dict[str, object]:
    reported = replace(REPORTED, row=replace(ROW, **changed), usage_location=location)  # type: ignore[arg-type]
    names = [column.name for column in layout.columns]
    return dict(zip(names, layout.cells(reported, country), strict=True))


def test_the_original_layout_has_the_25_columns_of_2025_in_their_order() -> None:
    assert [column.name for column in ORIGINAL.columns] == [
        "UsageId",
        "Call ID",
        "Conference ID",
        "User Location",
        "Microsoft Entra ObjectId",
        "UPN",
        "User Display Name",
        "Caller ID",
        "Call Type",
        "Call Direction",
        "Number Type",
        "Domestic/International",
        "Destination Dialed",
        "Destination Number",
        "External Country",
        "Start Time",
        "End Time",
        "Duration Seconds",
        "Connection Fee",
        "Charge",
        "Currency",
        "Capability",
        "Operator",
        "Source of Call Duration",
        "Administrative Units",
    ]


def test_an_outgoing_call_in_the_original_layout() -> None:
    told = cells()

    assert told | {"UsageId": "", "Microsoft Entra ObjectId": ""} == {
        "UsageId": "",
        "Call ID": "3c26-1",
        "Conference ID": "",
        "User Location": "GB",
        "Microsoft Entra ObjectId": "",
        "UPN": "ada@acme.example",
        "User Display Name": "Ada Byron",
        "Caller ID": "+33140205050",
        "Call Type": "user_out",
        "Call Direction": "Outbound",
        "Number Type": "Subscriber",
        "Domestic/International": "International",
        "Destination Dialed": "France fixed",
        "Destination Number": "+33140205050",
        "External Country": "FR",
        "Start Time": STARTED_AT,
        "End Time": STARTED_AT + timedelta(seconds=65),
        "Duration Seconds": 61,
        "Connection Fee": 50_000,
        "Charge": 112_345,
        "Currency": "GBP",
        "Capability": "MCOPSTNPP",
        "Operator": None,
        "Source of Call Duration": "operator",
        "Administrative Units": None,
    }


def test_ids_are_uuids_that_any_program_can_compute_again() -> None:
    told = cells()

    namespace = uuid.UUID(bytes=usage.NAMESPACE)
    assert told["UsageId"] == str(uuid.uuid5(namespace, "usage:7:sbc1|b|3c26-1:0"))
    assert told["Microsoft Entra ObjectId"] == str(uuid.uuid5(namespace, "user:7:5"))


def test_each_row_of_a_call_has_an_id_of_its_own_and_the_call_id_of_all() -> None:
    first, second = cells(), cells(line=1)

    assert first["UsageId"] != second["UsageId"]
    assert first["Call ID"] == second["Call ID"]


def test_an_incoming_call_shows_the_number_that_received_it_and_the_country_of_the_other() -> None:
    told = cells(kind=CallKind.CONFERENCE_IN, caller="33140205050", called="448001112222", user_id=None, destination="")

    assert told["Caller ID"] == "+448001112222"
    assert told["Destination Number"] == "+448001112222"
    assert told["Call Direction"] == "Inbound"
    assert told["External Country"] == "FR"
    assert told["Domestic/International"] == "International"
    assert told["Destination Dialed"] == "United Kingdom"
    assert told["UPN"] is None


@pytest.mark.parametrize(
    ("kind", "paid_by", "number_type"),
    [
        (CallKind.USER_OUT, PaysFrom.CREDIT, "Subscriber"),
        (CallKind.USER_IN, PaysFrom.FREE, "Subscriber"),
        (CallKind.CONFERENCE_IN, PaysFrom.FREE, "Service"),
        (CallKind.CONFERENCE_IN, PaysFrom.CREDIT, "TollFree"),
        (CallKind.VOICE_APP_IN, PaysFrom.CREDIT, "TollFree"),
        (CallKind.CONFERENCE_OUT, PaysFrom.CREDIT, "Service"),
    ],
)
def test_the_number_type_is_that_of_our_own_number(kind: CallKind, paid_by: PaysFrom, number_type: str) -> None:
    assert cells(kind=kind, paid_by=paid_by)["Number Type"] == number_type


@pytest.mark.parametrize(
    ("location", "called", "context"),
    [
        ("GB", "442071838750", "Domestic"),
        ("US", "442071838750", "International"),
        ("US", "17875550123", "Domestic"),
        ("US", "16135550123", "International"),
        ("GB", "87000000000", None),
    ],
)
def test_domestic_is_within_the_users_country_and_puerto_rico_is_in_the_united_states(
    location: str, called: str, context: str | None
) -> None:
    assert cells(location=location, called=called)["Domestic/International"] == context


def test_a_user_without_a_location_is_where_the_organization_is() -> None:
    told = cells(location="", country="FR")

    assert told["User Location"] == "FR"
    assert told["Domestic/International"] == "Domestic"


def test_a_call_of_nowhere_is_neither_domestic_nor_international() -> None:
    assert cells(location="", country="")["Domestic/International"] is None


def test_an_emergency_call_is_domestic_and_free() -> None:
    told = cells(kind=CallKind.EMERGENCY_OUT, called="999", destination="", paid_by=PaysFrom.FREE, cost_micros=0)

    assert told["Destination Number"] == "999"
    assert told["Destination Dialed"] == "United Kingdom"
    assert told["Domestic/International"] == "Domestic"
    assert told["Capability"] == "FREECALL"


@pytest.mark.parametrize(
    ("kind", "paid_by", "cost_micros", "used_seconds", "capability"),
    [
        (CallKind.USER_OUT, PaysFrom.CREDIT, 112_345, 61, "MCOPSTNPP"),
        (CallKind.USER_OUT, PaysFrom.CREDIT, 0, 0, "MCOPSTNPP"),
        (CallKind.USER_OUT, PaysFrom.CREDIT, 0, 61, "FREECALL"),
        (CallKind.USER_IN, PaysFrom.FREE, 0, 61, "MCOEV"),
        (CallKind.CONFERENCE_IN, PaysFrom.FREE, 0, 61, "MCOMEETADD"),
        (CallKind.VOICE_APP_IN, PaysFrom.FREE, 0, 61, "MCOEV_VIRTUALUSER"),
    ],
)
def test_the_capability_is_what_entitled_to_the_call(
    kind: CallKind, paid_by: PaysFrom, cost_micros: int, used_seconds: int, capability: str
) -> None:
    told = cells(kind=kind, paid_by=paid_by, cost_micros=cost_micros, used_seconds=used_seconds)

    assert told["Capability"] == capability


def test_calls_to_voice_apps_name_no_user() -> None:
    told = cells(kind=CallKind.VOICE_APP_IN)

    assert (told["Microsoft Entra ObjectId"], told["UPN"], told["User Display Name"]) == (None, None, None)


def test_a_duration_that_the_server_reconstructed_says_so() -> None:
    assert cells(flags=Flags.RECONSTRUCTED)["Source of Call Duration"] == "talktime"


def test_our_own_layout_keeps_both_numbers_and_says_how_it_was_priced_and_paid() -> None:
    told = cells(TALKTIME, flags=Flags.LATE | Flags.OVERRUN)

    assert told["organization_id"] == "7"
    assert (told["switch"], told["call_id"], told["leg"], told["line"]) == ("sbc1", "3c26-1", "b", 0)
    assert (told["caller"], told["called"]) == ("+442071838750", "+33140205050")
    assert (told["prefix"], told["deck"], told["deck_version"]) == ("331", "az", 2)
    assert (told["used_seconds"], told["billed_seconds"]) == (61, 120)
    assert (told["connection_fee"], told["cost"], told["uncovered"]) == (50_000, 112_345, 345)
    assert told["flags"] == "overrun late"


@pytest.mark.parametrize(
    ("cost_micros", "charge_micros"),
    [(4_999, 0), (5_000, 10_000), (112_345, 110_000), (-4_999, 0), (-125_000, -130_000)],
)
def test_with_two_decimals_each_amount_is_rounded_half_up(cost_micros: int, charge_micros: int) -> None:
    told = cells(rounded(ORIGINAL, 2), cost_micros=cost_micros)

    assert told["Charge"] == charge_micros
    assert told["Duration Seconds"] == 61


def test_a_period_is_whole_local_days_the_last_included() -> None:
    zone = ZoneInfo("Europe/London")

    period = period_of(date(2026, 3, 29), date(2026, 3, 29), zone)

    assert period.starts_at == datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    # The day on which clocks spring forward has 23 hours.
    assert period.ends_at == datetime(2026, 3, 29, 23, 0, tzinfo=UTC)


def test_a_period_may_be_open_at_either_side() -> None:
    assert period_of(None, None, ZoneInfo("UTC")) == (usage.EARLIEST, usage.LATEST)


def test_totals_add_up_by_currency_and_kind_and_count_a_call_once() -> None:
    totals = UsageTotals()

    for row in (ROW, replace(ROW, line=1, used_seconds=9, cost_micros=5), replace(ROW, kind=CallKind.CONFERENCE_OUT)):
        totals.add(row)

    assert totals.all() == (
        UsageTotal("GBP", CallKind.CONFERENCE_OUT, 1, 1, 61, 112_345, 345, paid_seconds=61),
        UsageTotal("GBP", CallKind.USER_OUT, 1, 2, 70, 112_350, 690, paid_seconds=70),
    )
    assert len(totals.all()[0].cells()) == len(TOTAL_COLUMNS)


@pytest.mark.parametrize(
    ("paid_by", "capability", "reported"),
    [
        (PaysFrom.MINUTES, "MCOPSTN1", "MCOPSTN1"),
        (PaysFrom.MINUTES, "MCOMEETADD", "MCOMEETADD"),
        (PaysFrom.INCLUDED, "MCOMEETADD_DIALOUT_US", "MCOMEETADD_DIALOUT_US"),
        (PaysFrom.CREDIT, "MCOMEETACPEA", "MCOMEETACPEA"),
        (PaysFrom.OVERAGE, "MCOPSTNPP", "MCOPSTNPP"),
    ],
)
def test_each_source_reports_the_license_by_which_it_paid(paid_by: PaysFrom, capability: str, reported: str) -> None:
    cost = 0 if paid_by in {PaysFrom.MINUTES, PaysFrom.INCLUDED} else 5

    told, ours = (
        cells(layout, paid_by=paid_by, capability=capability, cost_micros=cost) for layout in LAYOUTS.values()
    )

    assert told["Capability"] == ours["capability"] == reported


@pytest.mark.parametrize(
    ("location", "called", "capability", "context"),
    [
        ("US", "16135550123", "MCOPSTN2", "Domestic"),
        ("CA", "12125550123", "MCOPSTN1", "Domestic"),
        ("US", "442071838750", "MCOPSTN2", "International"),
        ("US", "16135550123", "MCOMEETADD", "International"),
    ],
)
def test_the_minutes_of_a_plan_tell_which_of_its_counters_they_were_drawn_from(
    location: str, called: str, capability: str, context: str
) -> None:
    told = cells(location=location, called=called, paid_by=PaysFrom.MINUTES, capability=capability)

    assert told["Domestic/International"] == context


def test_a_call_to_ones_own_mobile_is_reported_as_one_that_the_conference_dialed() -> None:
    assert cells(kind=CallKind.CALL_ME)["Call Type"] == "conf_out"
    assert cells(TALKTIME, kind=CallKind.CALL_ME)["kind"] == "call_me"


@pytest.mark.parametrize(
    ("called", "number_type"), [("442071838750", "Service"), ("448001112222", "TollFree"), ("18005550100", "TollFree")]
)
def test_a_toll_number_stays_one_where_conferences_are_paid_by_the_minute(called: str, number_type: str) -> None:
    told = cells(kind=CallKind.CONFERENCE_IN, called=called, capability="MCOMEETACPEA")

    assert told["Number Type"] == number_type


def test_what_is_billed_after_use_makes_a_number_toll_free_as_credit_does() -> None:
    assert cells(kind=CallKind.VOICE_APP_IN, paid_by=PaysFrom.OVERAGE)["Number Type"] == "TollFree"


def test_a_call_from_an_emergency_service_comes_in_where_the_user_is() -> None:
    told = cells(kind=CallKind.EMERGENCY_IN, caller="999", called="442071838750", paid_by=PaysFrom.FREE, destination="")

    assert (told["Call Direction"], told["External Country"], told["Destination Dialed"]) == (
        "Inbound",
        "GB",
        "United Kingdom",
    )


def test_totals_tell_what_was_included_and_what_was_paid() -> None:
    totals = UsageTotals()
    minutes = replace(ROW, used_seconds=60, billed_seconds=60, cost_micros=0, uncovered_micros=0)
    minutes = replace(minutes, paid_by=PaysFrom.MINUTES, capability="MCOPSTN1")
    rest = replace(ROW, line=1, used_seconds=31, billed_seconds=60, cost_micros=70, uncovered_micros=0)
    on_bill = replace(rest, line=2, used_seconds=9, billed_seconds=30, cost_micros=7, paid_by=PaysFrom.OVERAGE)
    call_me = replace(minutes, kind=CallKind.CALL_ME)
    free = replace(ROW, kind=CallKind.CONFERENCE_OUT, paid_by=PaysFrom.INCLUDED, cost_micros=0, uncovered_micros=0)

    for row in (minutes, rest, on_bill, call_me, free):
        totals.add(row)

    conference, user = totals.all()
    assert (user.calls, user.used_seconds, user.cost_micros) == (1, 100, 77)
    assert (user.included_seconds, user.included_minutes, user.paid_seconds) == (60, 1, 40)
    assert (conference.calls, conference.included_seconds, conference.included_minutes) == (2, 121, 1)
