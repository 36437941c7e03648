"""What reports, exports, imported usage and advice keep."""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    pass


def downgrade() -> None:
    """Take it back."""
    pass
