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


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_column("cut_at")
        batch_op.drop_column("session")
        batch_op.drop_column("switch_ref")
