"""Details are kept for the days of the user's country, or for the organization's own (domain.md 7.6)."""

from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.insight.privacy.retention import kept_since

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "days"), [("CA", 150), ("DE", 180), ("GB", 450), ("IT", 730), ("NO", 150), ("US", 365), ("", 365)]
)
def test_details_are_kept_for_the_days_of_the_country(country: str, days: int) -> None:
    assert kept_since(NOW, country, None) == NOW - timedelta(days=days)


def test_an_organization_may_keep_them_for_another_time() -> None:
    assert kept_since(NOW, "IT", 30) == NOW - timedelta(days=30)


def test_calls_by_own_carriers_have_days_of_their_own() -> None:
    days = {"DE": 150, "US": 150, "GB": 450}

    for country, kept in days.items():
        assert kept_since(NOW, country, None, is_direct=True) == NOW - timedelta(days=kept)
    assert kept_since(NOW, "DE", 30, is_direct=True) == NOW - timedelta(days=30)
