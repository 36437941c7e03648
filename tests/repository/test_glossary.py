"""Every term that the requirements name stands in the glossary, and every word stands there once."""

import re
from collections import Counter
from pathlib import Path

import pytest

# S65: "terms that must exist in the data model because the sources name them".
TERMS = (
    "organisation",
    "admin",
    "user",
    "licence",
    "Audio Conferencing licence",
    "Phone System licence",
    "Domestic Calling Plan licence",
    "Domestic & International Calling Plan licence",
    "Pay-As-You-Go Calling Plan licence",
    "Enterprise E5 licence",
    "Communications Credits licence",
    "subscription",
    "add-on",
    "order",
    "payment method",
    "card with expiry",
    "agreement number",
    "purchase order number",
    "support incident",
    "balance",
    "one-time funding",
    "auto-recharge",
    "trigger amount",
    "minimum balance",
    "recharge amount",
    "published rate",
    "expiry",
    "forfeiture",
    "minute allotment per month and country",
    "toll-free number",
    "conference bridge",
    "auto attendant",
    "call queue",
    "PSTN usage report",
    "CDR export",
)
# Who writes to us must find the words of the table in docs/architecture.md here too.
OUR_WORDS = (
    "Organization",
    "CreditLot",
    "Hold",
    "Call",
    "wanted seconds",
    "granted seconds",
    "used seconds",
    "quantum",
    "validity",
    "MinutePool",
    "RateDeck",
    "Rate",
    "prefix",
    "increment",
    "connection fee",
    "CallDetailRecord",
    "usage row",
    "JournalEntry",
    "Posting",
    "Account",
    "Recharge",
    "RechargePolicy",
    "Purchase",
    "epoch",
    "Denied",
    "postpaid",
    "operator",
    "carrier",
)
COLUMNS = 4  # we say, meaning, the sources say, we do not say


@pytest.fixture(scope="session")
def rows(repository: Path) -> list[list[str]]:
    text = (repository / "docs/glossary.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "we say" and not set(row[0]) <= {"-", ":"}]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_the_requirements_is_explained(rows: list[list[str]], term: str) -> None:
    explaining = [row[0] for row in rows if term in _words(row[2])]

    assert len(explaining) == 1


@pytest.mark.parametrize("word", OUR_WORDS)
def test_every_word_of_ours_is_explained(rows: list[list[str]], word: str) -> None:
    assert word in {row[0] for row in rows}


def test_every_row_has_a_meaning_and_all_columns(rows: list[list[str]]) -> None:
    incomplete = [row for row in rows if len(row) != COLUMNS or not row[0] or not row[1]]

    assert incomplete == []


def test_no_word_is_explained_twice(rows: list[list[str]]) -> None:
    counts = Counter(row[0].lower() for row in rows)

    assert [word for word, count in counts.items() if count > 1] == []


def test_no_word_is_both_said_and_not_said(rows: list[list[str]]) -> None:
    said = {row[0] for row in rows}
    not_said = {re.sub(r" \(.*\)", "", word) for row in rows for word in _words(row[3])}

    assert said & not_said == set()


def _words(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",") if word.strip()]
