from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.buying import agreements
from talktime.core.credit.buying.agreements import (
    Agreement,
    AgreementRefusal,
    AgreementTerms,
    PurchaseOrder,
    Standing,
    SupportCase,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGREEMENT = Agreement(1, "EA-1", "US", "USD", AgreementTerms.ON_CREDIT, limit_micros=1_000)
ORDER = PurchaseOrder("77", limit_micros=500)


def refused(standing: Standing, charged_micros: int = 100, currency: str = "USD") -> AgreementRefusal | None:
    return agreements.refusal(standing, charged_micros, currency, "US", NOON)


@pytest.mark.parametrize(
    ("standing", "charged_micros", "expected"),
    [
        (Standing(AGREEMENT), 1_000, None),
        (Standing(AGREEMENT), 1_001, AgreementRefusal.EXHAUSTED),
        (Standing(replace(AGREEMENT, limit_micros=None)), 10**15, None),
        (Standing(replace(AGREEMENT, is_active=False)), 100, AgreementRefusal.INACTIVE),
        (Standing(replace(AGREEMENT, ends_at=NOON)), 100, AgreementRefusal.ENDED),
        (Standing(replace(AGREEMENT, ends_at=NOON + timedelta(microseconds=1))), 100, None),
        (Standing(replace(AGREEMENT, currency="EUR")), 100, AgreementRefusal.OTHER_CURRENCY),
        (Standing(replace(AGREEMENT, billing_country="DE")), 100, AgreementRefusal.OTHER_REGION),
        (Standing(replace(AGREEMENT, billing_country="DE"), is_region_permitted=True), 100, None),
        (Standing(AGREEMENT, overdue_invoices=("TT-1",)), 100, AgreementRefusal.INVOICE_OVERDUE),
        (Standing(AGREEMENT, ORDER), 500, None),
        (Standing(AGREEMENT, ORDER), 501, AgreementRefusal.PURCHASE_ORDER_EXHAUSTED),
        (Standing(AGREEMENT, replace(ORDER, limit_micros=None)), 1_000, None),
        (Standing(AGREEMENT, replace(ORDER, ends_at=NOON)), 100, AgreementRefusal.PURCHASE_ORDER_ENDED),
    ],
)
def test_an_agreement_refuses_what_exceeds_it_and_nothing_else(
    standing: Standing, charged_micros: int, expected: AgreementRefusal | None
) -> None:
    assert refused(standing, charged_micros) is expected


@given(st.lists(st.integers(1, 1_200), max_size=30))
def test_what_is_bought_one_after_another_never_exceeds_a_limit(amounts: list[int]) -> None:
    standing = Standing(AGREEMENT, ORDER)

    for amount in amounts:
        if refused(standing, amount) is None:
            assert standing.purchase_order is not None
            standing = replace(
                standing,
                agreement=agreements.reserved(standing.agreement, amount),
                purchase_order=agreements.ordered(standing.purchase_order, amount),
            )

    assert 0 <= standing.agreement.used_micros <= 500
    assert standing.purchase_order is not None
    assert standing.purchase_order.used_micros == standing.agreement.used_micros


@given(st.integers(1, 1_000))
def test_what_is_given_back_can_be_bought_again(amount: int) -> None:
    used = agreements.reserved(AGREEMENT, amount)

    assert agreements.reserved(used, -amount) == AGREEMENT


@pytest.mark.parametrize("reason", list(AgreementRefusal))
def test_every_refusal_has_a_sentence_that_names_what_it_is_about(reason: AgreementRefusal) -> None:
    ended = replace(AGREEMENT, ends_at=NOON, used_micros=900)
    standing = Standing(ended, replace(ORDER, ends_at=NOON), ("TT-000001-0001",))

    sentence = agreements.explain(reason, standing, 600)

    assert "EA-1" in sentence or "77" in sentence
    assert len(sentence) > len("agreement EA-1")


def test_a_case_permits_the_countries_that_it_was_opened_for() -> None:
    case = SupportCase(1, 7, "EA-1", "US", "DE", NOON)
    resolved = replace(case, resolved_at=NOON, override_reason="yes")

    assert case.number == "SC-000001-0007"
    assert not case.permits("US", "DE")
    assert resolved.permits("US", "DE")
    assert not resolved.permits("US", "FR")
    assert not resolved.permits("FR", "DE")
