import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from talktime.core.rates.rate_decks import Direction
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli import terminal

NEW_YORK = ZoneInfo("America/New_York")


def test_an_instant_with_an_offset_is_read_as_it_says() -> None:
    assert terminal.parse_instant("2026-03-01T09:30:00+02:00", NEW_YORK) == datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    assert terminal.parse_instant("2026-03-01T09:30:00Z") == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_a_date_alone_is_its_first_instant_in_the_zone_or_in_utc() -> None:
    assert terminal.parse_instant("2026-03-01", NEW_YORK) == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert terminal.parse_instant("2026-03-01") == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-01T09:30:00", "tomorrow", "2026-13-01", "", "2026-3-1"])
def test_what_is_no_instant_or_has_no_zone_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        terminal.parse_instant(text)


def test_money_is_exact_with_thousands_set_apart() -> None:
    assert terminal.money(1_234_567_013_500, "USD") == "1,234,567.0135 USD"
    assert terminal.money(-5_000_000) == "-5.00"


def test_an_instant_is_shown_on_the_clock_of_its_zone() -> None:
    at = datetime(2026, 3, 1, 5, tzinfo=UTC)

    assert terminal.instant(at, NEW_YORK) == "2026-03-01 00:00 EST"
    assert terminal.instant(at.replace(second=7)) == "2026-03-01 05:00:07 UTC"


def test_json_writes_instants_in_utc_enumerations_by_value_and_decimals_exactly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    local = datetime(2026, 3, 1, tzinfo=NEW_YORK)

    terminal.print_json({"at": local, "direction": Direction.OUTBOUND, "ratio": Decimal("0.10")})

    written = json.loads(capsys.readouterr().out)
    assert written == {"at": "2026-03-01T05:00:00Z", "direction": "outbound", "ratio": "0.10"}


def test_json_of_anything_else_is_a_bug() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        terminal.print_json({"what": object()})


def test_names_with_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.out().print(terminal.heading("Fab [bold]rikam", "a :smile: detail"))

    assert capsys.readouterr().out.strip() == "Fab [bold]rikam  a :smile: detail"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def advance_for(clock: Clock, seconds: int, advance: Callable[[int], None]) -> None:
    for _ in range(seconds):
        clock.seconds += 1
        advance(100)


def test_where_nobody_watches_progress_is_a_plain_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)

    with terminal.progress("reading", 4_000) as advance:
        advance_for(clock, 25, advance)

    assert capsys.readouterr().err.splitlines() == [
        "reading: 1,000 rows of 4,000, 30 s left (100/s)",
        "reading: 2,000 rows of 4,000, 20 s left (100/s)",
    ]


def test_what_takes_a_moment_shows_no_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)

    with terminal.progress("reading") as advance:
        advance_for(clock, 1, advance)

    assert not capsys.readouterr().err


def test_in_a_terminal_progress_shows_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, screen = Clock(), FakeTerminal()
    monkeypatch.setattr(terminal, "time", clock)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")

    with terminal.progress("reading", 500) as advance:
        advance_for(clock, 3, advance)

    shown = screen.getvalue()
    assert "300/500" in shown
    assert "100/s" in shown
    assert "left" in shown
