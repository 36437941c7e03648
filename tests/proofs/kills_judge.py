"""What a witness was answered, held against what stands in the books: nothing lost, nothing doubled, sums alike."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from talktime.core.calls.calls import DenialReason
from talktime.core.values.money import MICROS_PER_UNIT
from tests.interfaces.charging.books import Facts, audit
from tests.proofs.kills_ro import LIMIT_REACHED

SHOWN_MAX = 3

Seen = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Witnessed:
    """What a witness was answered, call by call, and how often it was answered what."""

    by_call: dict[str, Seen]
    acknowledged: Counter[str]


def read(path: Path) -> Witnessed:
    """Read what a witness wrote down."""
    by_call: dict[str, Seen] = defaultdict(lambda: defaultdict(list))
    acknowledged: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            seen = json.loads(line)
            by_call[seen["call_id"]][seen["operation"]].append(seen["answer"])
            acknowledged[seen["operation"]] += 1
    return Witnessed(by_call, acknowledged)


def assert_nothing_is_lost_or_doubled(url: str, switch: str, witnessed: Witnessed) -> None:
    """Compare every acknowledged answer of a switch with the rows of its call, and their sums with each other."""
    facts, of_switch = Facts(url), f"WHERE call_key LIKE '{switch}||%'"
    rows = facts.rows(
        f"SELECT call_key, state, granted_seconds, denial, used_seconds, cost_micros FROM calls {of_switch}"  # noqa: S608
    )
    calls = {row[0].removeprefix(f"{switch}||"): row[1:] for row in rows}
    lost = {call_id: seen for call_id, seen in witnessed.by_call.items() if call_id not in calls}
    assert not lost, f"{len(lost)} calls are lost, such as {_some(lost)}"
    nobodys = calls.keys() - witnessed.by_call.keys()
    assert not nobodys, f"{len(nobodys)} calls were never answered, such as {sorted(nobodys)[:SHOWN_MAX]}"
    differing = {
        call_id: (seen, calls[call_id])
        for call_id, seen in witnessed.by_call.items()
        if not _agrees(seen, *calls[call_id])
    }
    assert not differing, f"{len(differing)} calls were charged otherwise than answered, such as {_some(differing)}"
    ended = [seen["end"][0] for seen in witnessed.by_call.values() if "end" in seen]
    ((count, distinct, cost),) = facts.rows(
        f"SELECT count(*), count(DISTINCT call_key), coalesce(sum(cost_micros), 0) FROM usage_rows {of_switch}"  # noqa: S608
    )
    assert (count, distinct, int(cost)) == (len(ended), len(ended), sum(map(_charged_micros, ended)))


def assert_sums_agree(url: str) -> int:
    """Compare CDRs, journal and lots; return the micros that all calls cost. Calls may be in progress."""
    cost, posted, spent = Facts(url).rows(
        "SELECT (SELECT coalesce(sum(cost_micros), 0) FROM usage_rows),"
        " (SELECT coalesce(sum(amount_micros), 0) FROM postings WHERE debit = 'lot' AND entry_id LIKE 'call:%'),"
        " (SELECT sum(spent_micros) FROM credit_lots)"
    )[0]
    assert cost == posted == spent
    return int(cost)


def assert_books_are_closed(url: str) -> None:
    """Find nothing held, nothing parked, and every invariant of the books unbroken: no call is in progress any more."""
    assert_sums_agree(url)
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0
    report = audit(url)
    assert report.violations == ()
    assert report.is_clean


def _agrees(
    seen: Seen,
    state: str,
    granted_seconds: int,
    denial: str | None,
    used_seconds: int | None,
    cost_micros: int | None,
) -> bool:
    """Tell whether a call's rows say what its switch was answered: each operation once, with these results."""
    if any(len(answers) > 1 for operation, answers in seen.items() if operation != "extend"):
        return False
    (started,) = seen["start"]
    if started["result"] == "deny":
        return (state, denial) == ("denied", started.get("reason", DenialReason.CREDIT_EXHAUSTED.value))
    (ended,) = seen["end"]
    # Diameter tells of an update with nothing left that the limit is reached; the grant stays what it was.
    extended = [answer for answer in seen["extend"] if answer.get("code") != LIMIT_REACHED]
    grants = [answer["granted_total"] for answer in (started, *extended)]
    return (
        all(answer["result"] == "allow" for answer in extended)
        and all(answer["result"] == "ok" for answer in seen["answer"])
        and (state, granted_seconds) == ("finished", max(grants))
        and (used_seconds, cost_micros) == (ended["used"], _charged_micros(ended))
    )


def _some(differing: Mapping[str, object]) -> list[tuple[str, object]]:
    return list(islice(differing.items(), SHOWN_MAX))


def _charged_micros(ended: dict[str, Any]) -> int:
    return int(Decimal(ended["charged"]) * MICROS_PER_UNIT)
