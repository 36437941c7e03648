"""`talktime advise`, as a person or a program calls it: a file is enough."""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.interfaces.cli.conftest import Talktime

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
HEADER = ("UsageId", "Call Type", "Start Time", "Duration Seconds", "Charge", "Currency")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Talktime:
    """Give the command line where nothing is set up and no database can be had."""
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{tmp_path}/nowhere/at/all.db")
    return Talktime(capsys)


def calls(weeks: int, *, charge: str = "5.00", currency: str = "EUR", each_day: int = 4) -> list[tuple[object, ...]]:
    """Return the rows of weeks with some calls on each workday."""
    return [
        (
            f"{currency}-{week}-{day}-{hour}",
            "user_out",
            (MONDAY + timedelta(weeks=week, days=day, hours=9 + hour)).isoformat(),
            90,
            charge,
            currency,
        )
        for week in range(weeks)
        for day in range(5)
        for hour in range(each_day)
    ]


def saved(folder: Path, rows: Iterable[tuple[object, ...]]) -> Path:
    path = folder / "usage.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return path


def test_a_file_is_enough_for_three_sentences_amounts_and_a_back_test(alone: Talktime, tmp_path: Path) -> None:
    shown = alone("advise", saved(tmp_path, calls(20)))

    assert shown.code == 0, shown.err
    assert "Let a recharge of 435.00 EUR begin when the balance falls below" in shown.out
    assert "Why: by the usage of the last 19 weeks, about 435.00 EUR a month is spent" in shown.out
    assert "What would change it: a trigger of" in shown.out
    assert "This advice, asked anew at each fold" in shown.out
    assert "Minimum, adjusted after two months" in shown.out
    assert not (tmp_path / "nowhere").exists()


def test_programs_get_one_document(alone: Talktime, tmp_path: Path) -> None:
    document = alone("advise", saved(tmp_path, calls(20)), "--json").document

    assert document["file"] == "usage.csv"
    assert document["calls"] == 400
    assert document["amount"] == "435.00"
    assert document["currency"] == "EUR"
    assert document["basis"] == "usage"
    assert 60 < float(document["trigger"]) < 110
    assert document["backtest"]["rules"]["advice"]["months_with_refused_calls"] == 0
    assert document["backtest"]["rules"]["minimum"]["refused_share"] > 0.3
    assert len(document["backtest"]["folds"]) >= 10
    assert len(document["sentences"]) == 3


def test_the_risk_the_reaction_and_the_cadence_can_be_stated(alone: Talktime, tmp_path: Path) -> None:
    file = saved(tmp_path, calls(20))

    usual = alone("advise", file, "--json").document
    asked = alone("advise", file, "--risk", "0.1%", "--reaction-days", 5, "--cadence", "weekly", "--json").document

    assert float(asked["trigger"]) > float(usual["trigger"])
    assert float(asked["amount"]) < float(usual["amount"])
    assert (asked["outage_risk_per_month"], asked["reaction_hours"], asked["cadence"]) == (0.001, 120, "weekly")


def test_the_picture_is_drawn_with_its_cone(alone: Talktime, tmp_path: Path) -> None:
    picture = tmp_path / "pictures" / "balance.svg"

    shown = alone("advise", saved(tmp_path, calls(20)), "--picture", picture)

    assert shown.code == 0, shown.err
    drawn = ET.fromstring(picture.read_text("utf-8"))  # noqa: S314 - our own picture
    assert "Forecast, with the range of 8 in 10 cases" in "".join(drawn.itertext())
    assert str(picture) in shown.err


def test_little_usage_is_warned_of_and_not_back_tested(alone: Talktime, tmp_path: Path) -> None:
    shown = alone("advise", saved(tmp_path, calls(3)))

    assert shown.code == 0, shown.err
    assert "This rests on 2 weeks of usage, and it takes 4 to know a month" in shown.out
    assert "Not back-tested: that takes eight weeks of usage" in shown.out


def test_less_than_a_week_is_told_to_start_small(alone: Talktime, tmp_path: Path) -> None:
    shown = alone("advise", saved(tmp_path, calls(1)))

    assert shown.code == 0, shown.err
    assert "Start small: let a recharge of 20.00 EUR, the least that can be bought, begin" in shown.out
    assert "Outage risk" not in shown.out


def test_calls_without_a_charge_need_a_price(alone: Talktime, tmp_path: Path) -> None:
    file = saved(tmp_path, calls(12, charge=""))

    refused = alone("advise", file)
    priced = alone("advise", file, "--price", "2.50", "--currency", "EUR", "--json")

    assert refused.code == 2
    assert "no call in usage.csv names a charge (240 calls)" in refused.err
    assert "--price 0.02" in refused.err
    # Two begun minutes each: the same five units.
    assert priced.document["amount"] == "435.00"


def test_the_currency_is_that_of_most_calls_and_not_that_of_small_units(alone: Talktime, tmp_path: Path) -> None:
    file = saved(tmp_path, [*calls(12, currency="USD"), *calls(12, currency="JPY", charge="3000", each_day=1)])

    shown = alone("advise", file)

    assert "Left out: 60 calls in JPY; ask for them with --currency JPY" in shown.out


def test_other_currencies_repetitions_and_rejects_are_told(alone: Talktime, tmp_path: Path) -> None:
    rows = calls(12)
    bad = ("bad", "user_out", "yesterday", 90, "5.00", "EUR")
    file = saved(tmp_path, [*rows, rows[0], bad, *calls(12, currency="USD", charge="0.10")])

    shown = alone("advise", file)
    dollars = alone("advise", file, "--currency", "usd", "--json").document

    assert "Left out: 240 calls in USD; ask for them with --currency USD" in shown.out
    assert "Counted once: 1 call that the file repeats" in shown.out
    assert "Lines that cannot be read: 1; the first is 243: Start Time" in shown.out
    assert dollars["currency"] == "USD"
    assert alone("advise", file, "--currency", "GBP").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--risk", "much"), "is no share"),
        (("--risk", "90%"), "outage risk must lie"),
        (("--reaction-days", "0"), "reaction time must lie"),
        (("--reaction-days", "nan"), "is no length of time"),
        (("--price", "-1"), "--price must be above 0"),
        (("--price", "cheap"), "--price"),
        (("--organization", "Acme"), "either a file or --organization"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would(
    alone: Talktime, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = alone("advise", saved(tmp_path, calls(12)), *arguments)

    assert refused.code == 2
    assert said in refused.err


def test_a_file_that_is_missing_or_empty_is_refused(alone: Talktime, tmp_path: Path) -> None:
    assert alone("advise", tmp_path / "missing.csv").code == 2
    refused = alone("advise", saved(tmp_path, []))

    assert refused.code == 2
    assert "there is no call in usage.csv" in refused.err


def test_who_has_neither_a_file_nor_an_organization_is_told_what_would_do(talktime: Talktime) -> None:
    refused = talktime("advise")

    assert refused.code == 2
    assert "there is no organization yet" in refused.err
    assert "or give a usage file, which needs nothing else: `talktime advise FILE`" in refused.err
    assert talktime("advise", "--organization", "Nobody").code == 2


def test_an_organization_is_advised_from_its_imported_usage(acme: Talktime, tmp_path: Path) -> None:
    file = saved(tmp_path, calls(20, currency="USD"))
    assert acme("usage", "import", file).code == 0

    shown = acme("advise", "--organization", "Acme", "--picture", tmp_path / "acme.svg")
    document = acme("advise", "--json").document

    assert shown.code == 0, shown.err
    assert "Funding advice for Acme" in shown.out
    assert "auto-recharge is off" in shown.out
    assert "talktime credit recharge set --organization Acme --below" in shown.err
    assert (tmp_path / "acme.svg").is_file()
    assert document["organization"] == "Acme"
    assert document["amount"] == "435.00"
    assert document["is_on"] is False


def test_an_organization_without_usage_is_told_what_to_begin_with(acme: Talktime) -> None:
    shown = acme("advise")

    assert shown.code == 0, shown.err
    assert "Start small: let a recharge of 20.00 USD" in shown.out
    assert acme("organizations", "billing", "postpaid").code == 0
    assert "Acme pays after use and needs no credit" in acme("advise").out
