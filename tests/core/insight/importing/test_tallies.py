"""What an import comes to."""

from datetime import timedelta

from talktime.core.insight.importing.imported_calls import Reject, UsageKind, UsageLine
from talktime.core.insight.importing.tallies import EXAMPLES_MAX, NOTES_MAX, CurrencySum, Known, KnownCall, Tallying
from tests.core.insight.importing.imported import NOON, a_call


def test_new_calls_are_summed_by_currency_and_cost() -> None:
    tallying = Tallying()
    for call in (
        a_call(charge_micros=5, currency="USD"),
        a_call(charge_micros=7, currency="EUR", started_at=NOON + timedelta(hours=1)),
        a_call(UsageKind.CONFERENCE_OUT, rated_micros=2, currency="EUR", started_at=NOON - timedelta(hours=1)),
        a_call(not_rated="no price"),
    ):
        tallying.add_new(call)

    tally = tallying.tally()

    assert tally.sums == (CurrencySum("EUR", 2, 7, 2), CurrencySum("USD", 1, 5, 0))
    assert (tally.new_count, tally.lines_count, tally.without_cost_count) == (4, 4, 1)
    assert tally.kinds == ((UsageKind.USER_OUT, 3), (UsageKind.CONFERENCE_OUT, 1))
    assert tally.not_rated == (("no price", 1),)
    assert (tally.first_started_at, tally.last_started_at) == (NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    assert tally.used_seconds == 240


def test_lines_that_are_no_calls_are_counted_by_their_cause() -> None:
    tallying = Tallying()
    tallying.add_no_call(UsageLine(1, note="a note"))
    tallying.add_no_call(UsageLine(1, note="another", part="a.csv"))
    for line in range(2, EXAMPLES_MAX + 4):
        tallying.add_no_call(UsageLine(line, reject=Reject("Charge", str(line), "is no number")))
    tallying.add_no_call(UsageLine(90, reject=Reject("Start", "x", "is no instant")))
    tallying.add_no_call(UsageLine(91, skipped="not answered"))

    tally = tallying.tally()

    assert tally.notes == ("a note", "a.csv: another")
    assert [(cause.column, cause.lines_count, cause.first.line) for cause in tally.causes] == [
        ("Charge", EXAMPLES_MAX + 2, 2),
        ("Start", 1, 90),
    ]
    assert (tally.rejected_count, len(tally.rejects), tally.skipped) == (EXAMPLES_MAX + 3, 20, (("not answered", 1),))
    assert tally.lines_count == EXAMPLES_MAX + 4


def test_known_calls_are_counted_by_why() -> None:
    tallying = Tallying()
    for line in range(EXAMPLES_MAX + 1):
        tallying.add_known(KnownCall(line, Known.IN_FILE, 1))
    tallying.add_known(KnownCall(99, Known.OWN, None))

    tally = tallying.tally()

    assert tally.known == ((Known.IN_FILE, EXAMPLES_MAX + 1), (Known.OWN, 1))
    assert (tally.known_count, tally.new_count, len(tally.known_examples)) == (EXAMPLES_MAX + 2, 0, EXAMPLES_MAX)


def test_what_is_kept_of_a_file_does_not_grow_with_it() -> None:
    tallying = Tallying()
    for number in range(1_000):
        tallying.add_no_call(UsageLine(number, note=f"note {number}"))
        tallying.add_no_call(UsageLine(number, reject=Reject("c", "", f"reason {number}")))
        tallying.add_no_call(UsageLine(number, skipped=f"why {number}"))

    tally = tallying.tally()

    assert (len(tally.notes), len(tally.causes), len(tally.skipped)) == (NOTES_MAX, 100, 101)
    assert (tally.rejected_count, sum(count for _, count in tally.skipped)) == (1_000, 1_000)
