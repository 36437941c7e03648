"""Notices as tests write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from talktime.core.organizations import deliveries
from talktime.core.organizations.deliveries import Mail, Notice
from talktime.core.organizations.notices import Addressee, Channel
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import Event, EventKind
from talktime.notices.samples import sample
from talktime.notices.writing import Writer

AT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
NORTHWIND = Organization(1, "Northwind", "US", "USD", ZoneInfo("America/New_York"), "standard")


def example(kind: EventKind) -> Event:
    return sample(kind, 1, "USD", AT)


def notice(event: Event, language: str = "en", *, organization: Organization | None = NORTHWIND) -> Notice:
    addressee = Addressee(Channel.MAIL, "ada@northwind.example", language, "default")
    (delivery,) = deliveries.planned(event, (addressee,), "", AT)
    return Notice(event, organization, delivery)


def mail(event: Event, language: str = "en", *, organization: Organization | None = NORTHWIND) -> Mail:
    return Writer("talktime.example").mail(notice(event, language, organization=organization))
