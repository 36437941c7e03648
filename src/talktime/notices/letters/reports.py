"""Letters about reports that a schedule sends: the file is there, or could not be made."""

from talktime.notices.telling import Letter, Telling, Tone, given, rows

SCHEDULES = "`talktime exports schedules`"
_UNITS = ("bytes", "kB", "MB", "GB")
_STEP = 1_000


def ready(t: Telling) -> Letter:
    """The report of a period is made, and goes along or waits to be fetched."""
    first, last, export = t.day("starts_on"), t.day("last_on"), t.text("export")
    return Letter(
        t.say("Usage from %(first)s to %(last)s", first=first, last=last) or t.say("A usage report is ready"),
        Tone.NEUTRAL,
        given(
            t.say("The report that was arranged for this address is ready."),
            t.say(
                "Calls that began until %(moment)s are in it; later ones may still be missing.",
                moment=t.moment("complete_until_at"),
            ),
        ),
        rows(
            (t.say("File"), t.text("file")),
            (t.say("Size"), _size(t.number("bytes"))),
            (t.say("Rows"), t.text("rows")),
            (t.say("Kept until"), t.moment("kept_until_at")),
        ),
        given(
            t.say("Where it is not attached, fetch it: %(command)s", command=_fetch(export)),
            t.say("Which reports are sent to whom: %(command)s", command=SCHEDULES),
        ),
    )


def failed(t: Telling) -> Letter:
    """The report of a period could not be made."""
    first, last = t.day("starts_on"), t.day("last_on")
    return Letter(
        t.say("No usage report from %(first)s to %(last)s", first=first, last=last)
        or t.say("A usage report could not be made"),
        Tone.BAD,
        given(
            t.say(
                "The report that was arranged for this address could not be made: %(reason)s", reason=t.text("reason")
            )
            or t.say("The report that was arranged for this address could not be made."),
        ),
        rows((t.say("Export"), t.text("export"))),
        given(
            t.say("Make it again: %(command)s", command="`talktime exports start`"),
            t.say("Which reports are sent to whom: %(command)s", command=SCHEDULES),
        ),
    )


def _fetch(export: str) -> str:
    return f"`talktime exports fetch {export}`" if export.isdecimal() else ""


def _size(bytes_count: int | None) -> str:
    if bytes_count is None:
        return ""
    size, place = float(bytes_count), 0
    while size >= _STEP and place < len(_UNITS) - 1:
        size, place = size / _STEP, place + 1
    return f"{size:.0f} {_UNITS[place]}"
