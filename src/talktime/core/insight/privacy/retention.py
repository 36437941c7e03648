"""How long names and numbers stand in call details, by the country of the user whose calls they were (7.6).

The books keep every call for ever: what a row costs, how long it lasted and when never goes. After these days its
numbers and the user's number are taken out of it, and it counts as nobody's.

What is charged here is paid by credit, and so a call of the table's first column, over whichever carrier it went. The
second column is of calls that the vendor's credit never pays: imported ones, whose records call them direct routing.
"""

from datetime import datetime, timedelta

from talktime.core.values.frozen import frozen


@frozen
class Retention:
    """Days for which details are kept: of calls that are charged, and of imported ones by one's own carriers."""

    days: int
    direct_routing_days: int


# The source's table; where it says nothing, what it says of all others holds.
_OTHERS = Retention(365, 150)
RETENTIONS = {
    "CA": Retention(150, 150),
    "CH": Retention(365, 365),
    "DE": Retention(180, 150),
    "DK": Retention(365, 365),
    "FI": Retention(365, 365),
    "FR": Retention(365, 365),
    "GB": Retention(450, 450),
    "IT": Retention(730, 730),
    "KR": Retention(365, 365),
    "MX": Retention(730, 730),
    "NL": Retention(180, 180),
    "NO": Retention(150, 150),
    "SE": Retention(180, 180),
}


def retention_of(country: str) -> Retention:
    """Return for how many days details of calls of users in a country are kept."""
    return RETENTIONS.get(country, _OTHERS)


def kept_since(now: datetime, country: str, days: int | None, *, is_direct: bool = False) -> datetime:
    """Return when the oldest call began whose details are kept; `days` is the organization's own setting, if any."""
    retention = retention_of(country)
    of_country = retention.direct_routing_days if is_direct else retention.days
    return now - timedelta(days=of_country if days is None else days)
