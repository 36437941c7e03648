"""Rows of usage files as calls: which column is which, what call types mean, and why a row is none."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.insight.importing.cells import CellTerms
from talktime.core.insight.importing.columns import (
    ColumnPlaces,
    Field,
    is_direct_routing,
    is_pstn,
    places_in,
)
from talktime.core.insight.importing.imported_calls import DIRECT_ROUTING, ImportedCall, RejectedCell, UsageKind
from talktime.core.insight.importing.reading import (
    NO_CALL,
    NOT_ANSWERED,
    ReadingTerms,
    RowReader,
    check_start,
    direction_of,
    kind_of,
)
from talktime.core.insight.reports.filters import Direction
from talktime.core.values.errors import Invalid

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = ReadingTerms(NOW, CellTerms(ZoneInfo("UTC")))
ROW = {
    "UsageId": "9C49",
    "Call ID": "c1",
    "UPN": "ada@contoso.com",
    "User Display Name": "Ada",
    "User Location": "de",
    "Caller ID": "+442079460000",
    "Call Type": "user_out",
    "Domestic/International": "International",
    "Destination Dialed": "United Kingdom",
    "Destination Number": "+442079460000",
    "External Country": "gb",
    "Start Time": "2026-03-01T09:30:00Z",
    "End Time": "2026-03-01T09:31:05Z",
    "Duration Seconds": "65",
    "Connection Fee": "0.01",
    "Charge": "0.05",
    "Currency": "eur",
    "Capability": "MCOPSTNPP",
}
HEADER = list(ROW)


def read(terms: ReadingTerms = TERMS, **cells: str) -> ImportedCall | str:
    row = ROW | {name.replace("_", " "): value for name, value in cells.items()}
    return RowReader(places_in(tuple(row)), terms).read(tuple(row.values()))


def call(terms: ReadingTerms = TERMS, **cells: str) -> ImportedCall:
    found = read(terms, **cells)
    assert isinstance(found, ImportedCall)
    return found


def test_every_column_of_an_export_is_kept() -> None:
    assert call() == ImportedCall(
        UsageKind.USER_OUT,
        Direction.OUTBOUND,
        datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 9, 31, 5, tzinfo=UTC),
        65,
        source_id="9c49",
        call_id="c1",
        user="ada@contoso.com",
        user_name="Ada",
        user_location="DE",
        # D17: both columns name the number that was called; who called is not told.
        caller="",
        called="442079460000",
        destination="United Kingdom",
        country="GB",
        is_domestic=False,
        connection_fee_micros=10_000,
        charge_micros=50_000,
        currency="EUR",
        capability="MCOPSTNPP",
    )


@pytest.mark.parametrize(
    ("former", "kind", "direction"),
    [
        ("dr_out_ucap", UsageKind.DIRECT_BOT_OUT, Direction.OUTBOUND),
        ("dr_in_ucap", UsageKind.DIRECT_BOT_IN, Direction.INBOUND),
        ("ByotIn", UsageKind.DIRECT_IN, Direction.INBOUND),
        ("ByotOut", UsageKind.DIRECT_OUT, Direction.OUTBOUND),
        ("ByotOutUserConf", UsageKind.DIRECT_OUT_CONFERENCE, Direction.OUTBOUND),
        ("ByotOutUserForwarding", UsageKind.DIRECT_OUT_FORWARDING, Direction.OUTBOUND),
        ("ByotOutUserTransfer", UsageKind.DIRECT_OUT_TRANSFER, Direction.OUTBOUND),
        ("ByotOutEmergency", UsageKind.DIRECT_EMERGENCY_OUT, Direction.OUTBOUND),
        ("CONF_OUT", UsageKind.CONFERENCE_OUT, Direction.OUTBOUND),
        ("call_me", UsageKind.CALL_ME, Direction.OUTBOUND),
        ("unassigned_in", UsageKind.UNASSIGNED_IN, Direction.INBOUND),
    ],
)
def test_call_types_of_all_years_have_one_name(former: str, kind: UsageKind, direction: Direction) -> None:
    assert kind_of(former) is kind
    assert direction_of(kind) is direction


def test_direct_routing_is_what_runs_over_a_carrier_of_ones_own() -> None:
    assert {kind.value for kind in UsageKind if kind.value.startswith("dr_")} == {kind.value for kind in DIRECT_ROUTING}
    assert UsageKind.USER_OUT not in DIRECT_ROUTING


def test_a_call_type_that_came_later_goes_the_way_that_its_name_or_the_direction_tells() -> None:
    assert call(Call_Type="oc_out").kind is UsageKind.OTHER_OUT
    assert call(Call_Type="oc_in").direction is Direction.INBOUND
    assert call(Call_Type="satellite", Call_Direction="Inbound").kind is UsageKind.OTHER_IN
    assert call(Call_Type="", Call_Direction="Outgoing").kind is UsageKind.USER_OUT


def test_words_of_a_mapping_come_before_the_known_ones() -> None:
    terms = ReadingTerms(NOW, kinds={"abgehend": UsageKind.CONFERENCE_OUT}, kind=UsageKind.USER_IN, user="desk")

    assert call(terms, Call_Type="Abgehend").kind is UsageKind.CONFERENCE_OUT
    assert call(terms, Call_Type="", Call_Direction="abgehend").kind is UsageKind.CONFERENCE_OUT
    assert call(terms, Call_Type="").kind is UsageKind.USER_IN
    assert call(terms, UPN="").user == "desk"


def test_seconds_and_end_say_the_same_and_one_is_enough() -> None:
    assert call(Duration_Seconds="").used_seconds == 65
    assert call(Duration_Seconds="", End_Time="2026-03-01T09:30:01.5Z").used_seconds == 2
    assert call(End_Time="").ended_at == datetime(2026, 3, 1, 9, 31, 5, tzinfo=UTC)


def test_a_file_without_money_has_none() -> None:
    found = call(Charge="", Connection_Fee="", Currency="")

    assert (found.charge_micros, found.connection_fee_micros, found.currency) == (None, None, "")
    assert call(ReadingTerms(NOW, currency="GBP"), Currency="").currency == "GBP"


@pytest.mark.parametrize(
    ("cells", "column", "value", "reason"),
    [
        ({"Start_Time": ""}, "Start Time", "", "is empty"),
        ({"Start_Time": "2026-03-04T00:00:00Z"}, "Start Time", "2026-03-04T00:00:00Z", "in the future"),
        ({"Start_Time": "1980-01-06T00:00:00Z"}, "Start Time", "1980-01-06T00:00:00Z", "before 2000"),
        ({"Start_Time": "0001-01-01T00:00:00Z"}, "Start Time", "0001-01-01T00:00:00Z", "is empty"),
        ({"Start_Time": "01/02/2026 09:30"}, "Start Time", "01/02/2026 09:30", "two ways"),
        ({"Start_Time": "9999-12-31T23:59:59-14:00"}, "Start Time", "9999-12-31T23:59:59-14:00", ""),
        ({"End_Time": "2026-03-01T09:29:59Z"}, "End Time", "2026-03-01T09:29:59Z", "before the start"),
        ({"Duration_Seconds": "-1"}, "Duration Seconds", "-1", "negative"),
        ({"Duration_Seconds": "", "End_Time": ""}, "Duration Seconds", "", "how long"),
        (
            {"Duration_Seconds": "", "End_Time": "2026-03-20T00:00:00Z"},
            "End Time",
            "2026-03-20T00:00:00Z",
            "more than a week",
        ),
        ({"Charge": "0,05"}, "Charge", "0,05", "--decimal-comma"),
        ({"Currency": ""}, "Currency", "", "in what is the charge"),
        ({"Currency": "€"}, "Currency", "€", "no currency"),
        ({"Call_Type": ""}, "Call Type", "", "no call type"),
        ({"Call_Type": "", "Call_Direction": "sideways"}, "Call Direction", "sideways", "no call type"),
        ({"User_Display_Name": "=cmd|x"}, "User Display Name", "=cmd|x", "formula"),
        ({"Destination_Number": "x" * 2_000}, "Destination Number", "x" * 2_000, "2,000 characters"),
    ],
)
def test_a_row_that_is_no_call_names_column_value_and_reason(
    cells: dict[str, str], column: str, value: str, reason: str
) -> None:
    with pytest.raises(RejectedCell) as rejected:
        read(**cells)

    assert (rejected.value.column, rejected.value.value) == (column, value)
    assert reason in rejected.value.reason


def test_a_row_of_another_width_or_with_a_nul_byte_is_rejected() -> None:
    reader = RowReader(places_in(HEADER), TERMS)

    with pytest.raises(RejectedCell, match="2 cells, the header 18"):
        reader.read(["a", "b"])
    with pytest.raises(RejectedCell, match="NUL"):
        reader.read([*["x"] * 17, "a\0b"])


def test_calls_that_were_not_answered_or_not_meant_are_skipped() -> None:
    wanted = ReadingTerms(NOW, wanted=((6, frozenset({"conf_out"})),))

    assert read(Success="No") == NOT_ANSWERED
    assert isinstance(read(Success="Yes"), ImportedCall)
    assert read(wanted) == NO_CALL
    assert isinstance(read(wanted, Call_Type="Conf_Out"), ImportedCall)


def test_a_start_is_checked_for_those_who_read_no_cells() -> None:
    check_start("start", NOW, TERMS)

    with pytest.raises(RejectedCell, match="in the future"):
        check_start("start", NOW + timedelta(days=2), TERMS)
    with pytest.raises(RejectedCell, match="before 2000"):
        check_start("start", datetime(1980, 1, 6, tzinfo=UTC), TERMS)


# ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_columns_for_one_field_the_better_name_counts() -> None:
    columns = places_in(["cost", "duration", "start", "Charge", "Duration Seconds", "Start Time"])

    assert columns.places == {Field.STARTED_AT: 5, Field.USED_SECONDS: 4, Field.CHARGE: 3}
    assert columns.name_of(Field.CHARGE) == "Charge"
    assert columns.name_of(Field.CALLER) == "caller"


def test_columns_that_nobody_reads_are_named_but_not_those_of_the_exports() -> None:
    columns = places_in([*HEADER, "Operator", "Administrative Units", "Shoe Size", ""])

    assert columns.unknown == ("Shoe Size",)


def test_a_mapping_names_the_only_columns_that_count() -> None:
    columns = places_in(["when", "Charge", "secs"], {Field.STARTED_AT: "When", Field.USED_SECONDS: "secs"})

    assert columns == ColumnPlaces(("when", "Charge", "secs"), {Field.STARTED_AT: 0, Field.USED_SECONDS: 2}, ())


@pytest.mark.parametrize(
    ("header", "stated", "sentence"),
    [
        (["Charge"], None, "no column says started_at and used_seconds or ended_at: the first line names 'Charge'"),
        (["Start Time"], None, "no column says used_seconds or ended_at"),
        ([f"c{number}" for number in range(13)], None, "'c11', …; say with --mapping"),
        ([], None, "names nothing"),
        (["when"], {Field.STARTED_AT: "date"}, "the mapping reads 'date', and the file has no such column: it has 'w"),
    ],
)
def test_a_header_without_what_makes_a_call_is_refused(
    header: list[str], stated: dict[Field, str] | None, sentence: str
) -> None:
    with pytest.raises(Invalid, match="column") as refused:
        places_in(header, stated)

    assert sentence in refused.value.message


def test_exports_are_known_by_their_columns() -> None:
    direct = ["CorrelationId", "SBC FQDN", "Start time"]

    assert (is_pstn(HEADER), is_direct_routing(HEADER)) == (True, False)
    assert (is_pstn(direct), is_direct_routing(direct)) == (False, True)
