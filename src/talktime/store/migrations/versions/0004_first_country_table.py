"""The country table that comes with Talktime is the first version, so that every installation has one."""

import csv
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# This file never changes (a test knows its hash): newer facts are another file and another version.
_FILE = Path(__file__).parents[3] / "imports" / "reference" / "countries_2025.csv"
_VERSION_ID = 1
_FROM_2000_ON_MICROS = 946_684_800_000_000
_NUMBERS = ("domestic_minutes", "international_minutes")
_WORDS = ("country", "conferencing", "pay_as_you_go_zone", "plan_partner", "premium", "toll_city")
_SWITCHES = ("is_zone_a", "has_toll_numbers", "has_toll_free_numbers", "has_credits", "is_international_destination")

_VERSIONS = sa.table(
    "country_versions",
    sa.column("version_id", sa.BigInteger),
    sa.column("source", sa.Text),
    sa.column("valid_from", sa.BigInteger),
    sa.column("created_at", sa.BigInteger),
)
_RULES = sa.table(
    "country_rules",
    sa.column("version_id", sa.BigInteger),
    *(sa.column(name, sa.Text) for name in _WORDS),
    *(sa.column(name, sa.Integer) for name in _NUMBERS),
    *(sa.column(name, sa.Boolean) for name in _SWITCHES),
)


def upgrade() -> None:
    """Bring the table in."""
    version = {
        "version_id": _VERSION_ID,
        "source": _FILE.name,
        "valid_from": _FROM_2000_ON_MICROS,
        "created_at": _FROM_2000_ON_MICROS,
    }
    op.bulk_insert(_VERSIONS, [version])
    with _FILE.open(encoding="utf-8", newline="") as file:
        op.bulk_insert(_RULES, [_row(line) for line in csv.DictReader(file)])


def downgrade() -> None:
    """Take it back."""
    op.execute(_RULES.delete().where(_RULES.c.version_id == _VERSION_ID))
    op.execute(_VERSIONS.delete().where(_VERSIONS.c.version_id == _VERSION_ID))


def _row(line: dict[str, str]) -> dict[str, object]:
    return {
        "version_id": _VERSION_ID,
        **{name: line[name] for name in _WORDS},
        **{name: int(line[name]) for name in _NUMBERS},
        **{name: line[name] == "yes" for name in _SWITCHES},
    }
