"""What charging by real switches adds: their names of calls, sessions, cuts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("switch_ref", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("session", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("cut_at", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("credit_watches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False))

    with op.batch_alter_table("parked_reports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("resolved_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("resolved_by", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("resolution", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.create_index(
            "ix_parked_reports_waiting",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    with op.batch_alter_table("postings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_postings_receivable",
            ["organization_id"],
            unique=False,
            sqlite_where=sa.text("debit = 'receivable' OR credit = 'receivable'"),
            postgresql_where=sa.text("debit = 'receivable' OR credit = 'receivable'"),
        )

    with op.batch_alter_table("usage_rows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("correction_reference", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("correction_reason", sa.Text(), server_default=sa.text("''"), nullable=False))
    _fill()


_COVERED = "ck_usage_rows_uncovered_within_cost"
_WRITTEN = "cost_micros >= uncovered_micros AND uncovered_micros >= 0"
_TAKEN_BACK = "correction_reference <> '' AND cost_micros <= uncovered_micros AND uncovered_micros <= 0"


def _fill() -> None:
    """Rows that correct those before them may take something back."""
    _check_usage(f"{_WRITTEN} OR {_TAKEN_BACK}")


def _restore() -> None:
    """Take it back; rows that took something back stand in the way, because the books would be others without them."""
    _check_usage(_WRITTEN)


def _check_usage(condition: str) -> None:
    with op.batch_alter_table("usage_rows") as batch_op:
        batch_op.drop_constraint(op.f(_COVERED), type_="check")
        batch_op.create_check_constraint(op.f(_COVERED), condition)


def downgrade() -> None:
    """Take it back."""
    _restore()

    with op.batch_alter_table("usage_rows", schema=None) as batch_op:
        batch_op.drop_column("correction_reason")
        batch_op.drop_column("correction_reference")

    with op.batch_alter_table("postings", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_postings_receivable",
            sqlite_where=sa.text("debit = 'receivable' OR credit = 'receivable'"),
            postgresql_where=sa.text("debit = 'receivable' OR credit = 'receivable'"),
        )

    with op.batch_alter_table("parked_reports", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_parked_reports_waiting",
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.drop_column("resolution")
        batch_op.drop_column("resolved_by")
        batch_op.drop_column("resolved_at")

    with op.batch_alter_table("credit_watches", schema=None) as batch_op:
        batch_op.drop_column("revision")

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_column("cut_at")
        batch_op.drop_column("session")
        batch_op.drop_column("switch_ref")
