"""Credit that is bought, recharged, expired and told of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "gateway_events",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("parked_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "event_id", name=op.f("pk_gateway_events")),
    )
    with op.batch_alter_table("gateway_events", schema=None) as batch_op:
        batch_op.create_index("ix_gateway_events_charge_id", ["charge_id"], unique=False)

    op.create_table(
        "agreements",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("billing_country", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("terms IN ('on_credit', 'on_settlement')", name=op.f("ck_agreements_terms_known")),
        sa.CheckConstraint(
            "used_micros >= 0 AND (limit_micros IS NULL OR used_micros <= limit_micros)",
            name=op.f("ck_agreements_within_limit"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_agreements_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "agreement_number", name=op.f("pk_agreements")),
    )
    op.create_table(
        "credit_watches",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("trigger_micros", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("is_inclusive", sa.Boolean(), nullable=False),
        sa.Column("in_multiples", sa.Boolean(), nullable=False),
        sa.Column("method_id", sa.BigInteger(), nullable=True),
        sa.Column("fallback_method_id", sa.BigInteger(), nullable=True),
        sa.Column("cap_per_day_micros", sa.BigInteger(), nullable=True),
        sa.Column("cap_per_month_micros", sa.BigInteger(), nullable=True),
        sa.Column("recharges_per_hour", sa.Integer(), nullable=False),
        sa.Column("recharges_per_day", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("open_purchase_id", sa.Text(), nullable=True),
        sa.Column("paused", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_fingerprint", sa.Text(), nullable=False),
        sa.Column("held_back", sa.Text(), nullable=True),
        sa.Column("held_back_until", sa.BigInteger(), nullable=True),
        sa.Column("reserved_day", sa.Text(), nullable=False),
        sa.Column("reserved_day_micros", sa.BigInteger(), nullable=False),
        sa.Column("reserved_month", sa.Text(), nullable=False),
        sa.Column("reserved_month_micros", sa.BigInteger(), nullable=False),
        sa.Column("recent", sa.Text(), nullable=False),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.Column("is_exhaustion_told", sa.Boolean(), nullable=False),
        sa.Column("events_count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "NOT is_on OR (amount_micros > 0 AND method_id IS NOT NULL)", name=op.f("ck_credit_watches_on_is_complete")
        ),
        sa.CheckConstraint(
            "reserved_day_micros >= 0 AND reserved_month_micros >= 0",
            name=op.f("ck_credit_watches_reserved_not_negative"),
        ),
        sa.CheckConstraint(
            "trigger_micros >= 0 AND amount_micros >= 0", name=op.f("ck_credit_watches_amounts_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_credit_watches_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_credit_watches")),
    )
    op.create_table(
        "payment_methods",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("method_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Text(), nullable=True),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("purchase_order", sa.Text(), nullable=False),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(kind = 'card') = (expires_on IS NOT NULL)", name=op.f("ck_payment_methods_cards_expire")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_payment_methods_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "method_id", name=op.f("pk_payment_methods")),
    )
    op.create_table(
        "purchases",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("tax_micros", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_step_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("first_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_count", sa.Integer(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("decline_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("action_url", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("lot_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(cause = 'recharge') = (epoch IS NOT NULL)", name=op.f("ck_purchases_recharges_have_an_epoch")
        ),
        sa.CheckConstraint("(state = 'settled') = (lot_id IS NOT NULL)", name=op.f("ck_purchases_settled_has_a_lot")),
        sa.CheckConstraint(
            "(state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')) = (closed_at IS NULL)",
            name=op.f("ck_purchases_closed_or_open"),
        ),
        sa.CheckConstraint(
            "amount_micros > 0 AND (tax_micros IS NULL OR tax_micros >= 0)", name=op.f("ck_purchases_amount_positive")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_purchases_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "purchase_id", name=op.f("pk_purchases")),
        sa.UniqueConstraint("organization_id", "epoch", name=op.f("uq_purchases_organization_id")),
    )
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.create_index(
            "ix_purchases_next_step_at",
            ["next_step_at"],
            unique=False,
            sqlite_where=sa.text("next_step_at IS NOT NULL"),
            postgresql_where=sa.text("next_step_at IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_purchases_one_open_recharge",
            ["organization_id"],
            unique=True,
            sqlite_where=sa.text(
                "cause = 'recharge' AND state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')"
            ),
            postgresql_where=sa.text(
                "cause = 'recharge' AND state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')"
            ),
        )

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("details", sa.Text(), server_default=sa.text("'{}'"), nullable=False))
    _fill()


def _fill() -> None:
    """Whoever has credit already is watched from now on; he recharges by hand until he says otherwise."""
    op.execute(
        "INSERT INTO credit_watches (organization_id, is_on, trigger_micros, amount_micros, is_inclusive, in_multiples,"
        " recharges_per_hour, recharges_per_day, version, epoch, paused_fingerprint, reserved_day, reserved_day_micros,"
        " reserved_month, reserved_month_micros, recent, alerts, is_exhaustion_told, events_count)"
        " SELECT organization_id, FALSE, 0, 0, FALSE, FALSE, 3, 6, 0, 1, '', '', 0, '', 0, '', '', FALSE, 0"
        " FROM organizations WHERE has_credit_set_up"
    )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("details")

    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_purchases_one_open_recharge",
            sqlite_where=sa.text(
                "cause = 'recharge' AND state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')"
            ),
            postgresql_where=sa.text(
                "cause = 'recharge' AND state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')"
            ),
        )
        batch_op.drop_index(
            "ix_purchases_next_step_at",
            sqlite_where=sa.text("next_step_at IS NOT NULL"),
            postgresql_where=sa.text("next_step_at IS NOT NULL"),
        )

    op.drop_table("purchases")
    op.drop_table("payment_methods")
    op.drop_table("credit_watches")
    op.drop_table("agreements")
    with op.batch_alter_table("gateway_events", schema=None) as batch_op:
        batch_op.drop_index("ix_gateway_events_charge_id")

    op.drop_table("gateway_events")
