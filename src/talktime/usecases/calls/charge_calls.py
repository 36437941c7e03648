"""Charge many calls at once: start, answer, extend and end, decided in order and committed together."""

from collections.abc import Sequence

from talktime.core.calls import charging
from talktime.core.calls.requests import Answer, ChargingTerms, Request
from talktime.store.charging.transaction import ChargingTransaction


def charge(tx: ChargingTransaction, requests: Sequence[Request], terms: ChargingTerms) -> list[Answer | None]:
    """Answer each request in its place; None where its organization is held by another transaction: ask again."""
    loaded = tx.load(requests, terms)
    ready = [requests[index] for index in loaded.ready]
    outcomes = charging.decide(loaded.facts, ready, terms)
    tx.save(loaded, ready, outcomes)
    answers: list[Answer | None] = [None] * len(requests)
    for index, outcome in zip(loaded.ready, outcomes, strict=True):
        answers[index] = outcome.answer
    return answers
