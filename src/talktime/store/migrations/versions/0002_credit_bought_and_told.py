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
        "balance_imports",
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("lots_count", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_hash", name=op.f("pk_balance_imports")),
    )
    op.create_table(
        "billing_parties",
        sa.Column("organization_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_billing_parties")),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_tick_at", sa.BigInteger(), nullable=True),
        sa.Column("last_done_at", sa.BigInteger(), nullable=True),
        sa.Column("held_by_slot", sa.Integer(), nullable=True),
        sa.Column("held_by_fence", sa.BigInteger(), nullable=True),
        sa.Column("not_before_at", sa.BigInteger(), nullable=True),
        sa.Column("failures_count", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("(failures_count = 0) = (last_error = '')", name=op.f("ck_chores_failures_have_a_reason")),
        sa.CheckConstraint("(held_by_slot IS NULL) = (held_by_fence IS NULL)", name=op.f("ck_chores_held_by_one")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
    op.create_table(
        "deliveries",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_since_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'due') = (closed_at IS NULL)", name=op.f("ck_deliveries_closed_or_due")),
        sa.CheckConstraint(
            "(state = 'due') = (next_attempt_at IS NOT NULL)", name=op.f("ck_deliveries_due_has_a_time")
        ),
        sa.CheckConstraint(
            "state IN ('due', 'sent', 'failed', 'undeliverable')", name=op.f("ck_deliveries_state_known")
        ),
        sa.PrimaryKeyConstraint("organization_id", "delivery_id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "organization_id", "event_id", "channel", "recipient", name=op.f("uq_deliveries_organization_id")
        ),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_next_attempt_at",
            ["next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        )

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
        "tax_rules",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rate_ppm", sa.Integer(), nullable=False),
        sa.Column("taxed_at", sa.Text(), nullable=False),
        sa.CheckConstraint("taxed_at IN ('purchase', 'use')", name=op.f("ck_tax_rules_taxed_at_known")),
        sa.CheckConstraint("rate_ppm >= 0 AND rate_ppm <= 1000000", name=op.f("ck_tax_rules_rate_is_a_share")),
        sa.PrimaryKeyConstraint("country", "valid_from", name=op.f("pk_tax_rules")),
    )
    op.create_table(
        "worker_slots",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("slot > 0 AND fence > 0", name=op.f("ck_worker_slots_counted_from_one")),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_worker_slots")),
    )
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
        "disputes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("taken_back_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("tax_micros", sa.BigInteger(), nullable=False),
        sa.Column("fee_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_disputes_closed_or_open")),
        sa.CheckConstraint("amount_micros > 0 AND taken_back_micros >= 0", name=op.f("ck_disputes_amounts_fit")),
        sa.CheckConstraint(
            "taken_back_micros + tax_micros <= amount_micros", name=op.f("ck_disputes_no_more_than_taken")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_disputes_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "purchase_id", name=op.f("pk_disputes")),
    )
    op.create_table(
        "entry_reasons",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_entry_reasons_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "entry_id", name=op.f("pk_entry_reasons")),
    )
    op.create_table(
        "invoices",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net_micros", sa.BigInteger(), nullable=False),
        sa.Column("tax_micros", sa.BigInteger(), nullable=False),
        sa.Column("tax_name", sa.Text(), nullable=False),
        sa.Column("tax_rate_ppm", sa.Integer(), nullable=True),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("paid_with", sa.Text(), nullable=False),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("purchase_order", sa.Text(), nullable=False),
        sa.Column("credit_expires_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("due_at >= issued_at", name=op.f("ck_invoices_due_after_issue")),
        sa.CheckConstraint("net_micros > 0 AND tax_micros >= 0", name=op.f("ck_invoices_amounts_fit")),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_invoices_sequence_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_invoices_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_invoices")),
        sa.UniqueConstraint("organization_id", "purchase_id", name=op.f("uq_invoices_organization_id")),
    )
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.create_index("ix_invoices_due_at", ["due_at"], unique=False)

    op.create_table(
        "notification_rules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.CheckConstraint("channel IN ('mail', 'webhook')", name=op.f("ck_notification_rules_channel_known")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_notification_rules_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "rule_id", name=op.f("pk_notification_rules")),
        sa.UniqueConstraint(
            "organization_id", "kind", "channel", "recipient", name=op.f("uq_notification_rules_organization_id")
        ),
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
        sa.Column("expiry_told_days", sa.Integer(), nullable=True),
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
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
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

    op.create_table(
        "refunds",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("net_micros", sa.BigInteger(), nullable=False),
        sa.Column("tax_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_step_at", sa.BigInteger(), nullable=True),
        sa.Column("first_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_count", sa.Integer(), nullable=False),
        sa.Column("gateway_refund_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("from_lot_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('due', 'asking', 'unknown')) = (closed_at IS NULL)", name=op.f("ck_refunds_closed_or_open")
        ),
        sa.CheckConstraint(
            "from_lot_micros >= 0 AND from_lot_micros <= net_micros", name=op.f("ck_refunds_from_lot_fits")
        ),
        sa.CheckConstraint("net_micros > 0 AND tax_micros >= 0", name=op.f("ck_refunds_amounts_fit")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_refunds_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "refund_id", name=op.f("pk_refunds")),
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index(
            "ix_refunds_next_step_at",
            ["next_step_at"],
            unique=False,
            sqlite_where=sa.text("next_step_at IS NOT NULL"),
            postgresql_where=sa.text("next_step_at IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_refunds_one_open",
            ["organization_id", "purchase_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('due', 'asking', 'unknown') AND purchase_id <> ''"),
            postgresql_where=sa.text("state IN ('due', 'asking', 'unknown') AND purchase_id <> ''"),
        )

    op.create_table(
        "statements",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_statements_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "month", name=op.f("pk_statements")),
    )
    op.create_table(
        "support_cases",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("billing_country", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (override_reason = '')", name=op.f("ck_support_cases_resolved_with_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_support_cases_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_support_cases")),
    )
    with op.batch_alter_table("support_cases", schema=None) as batch_op:
        batch_op.create_index(
            "uq_support_cases_one_open",
            ["organization_id", "agreement_number"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.create_table(
        "webhook_endpoints",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=False),
        sa.Column("previous_until", sa.BigInteger(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(previous_secret = '') = (previous_until IS NULL)", name=op.f("ck_webhook_endpoints_previous_ends")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_webhook_endpoints_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "endpoint_id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "credit_notes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("invoice_sequence", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("net_micros", sa.BigInteger(), nullable=False),
        sa.Column("tax_micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("net_micros > 0 AND tax_micros >= 0", name=op.f("ck_credit_notes_amounts_fit")),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_credit_notes_sequence_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_sequence"],
            ["invoices.organization_id", "invoices.sequence"],
            name=op.f("fk_credit_notes_invoices"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("organization_id", "reference", name=op.f("uq_credit_notes_organization_id")),
    )
    with op.batch_alter_table("credit_notes", schema=None) as batch_op:
        batch_op.create_index("ix_credit_notes_invoice_sequence", ["organization_id", "invoice_sequence"], unique=False)

    op.create_table(
        "invoice_payments",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "sequence"],
            ["invoices.organization_id", "invoices.sequence"],
            name=op.f("fk_invoice_payments_invoices"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_invoice_payments")),
    )
    op.create_table(
        "lot_notices",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "lot_id"],
            ["credit_lots.organization_id", "credit_lots.lot_id"],
            name=op.f("fk_lot_notices_credit_lots"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "lot_id", "days_before", name=op.f("pk_lot_notices")),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("agreement_number", sa.Text(), nullable=False),
        sa.Column("purchase_order", sa.Text(), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "used_micros >= 0 AND (limit_micros IS NULL OR used_micros <= limit_micros)",
            name=op.f("ck_purchase_orders_within_limit"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "agreement_number"],
            ["agreements.organization_id", "agreements.agreement_number"],
            name=op.f("fk_purchase_orders_agreements"),
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "agreement_number", "purchase_order", name=op.f("pk_purchase_orders")
        ),
    )
    with op.batch_alter_table("credit_lots", schema=None) as batch_op:
        batch_op.create_index("ix_credit_lots_expires_at", ["expires_at"], unique=False)

    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("billing_mode", sa.Text(), server_default=sa.text("'prepaid'"), nullable=False))

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("details", sa.Text(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.create_index(
            "ix_outbox_undelivered",
            ["occurred_at"],
            unique=False,
            sqlite_where=sa.text("delivered_at IS NULL"),
            postgresql_where=sa.text("delivered_at IS NULL"),
        )

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("roles", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("language", sa.Text(), server_default=sa.text("''"), nullable=False))
    _fill()
    _make_insert_only()


def _fill() -> None:
    """Whoever has credit already is watched from now on; he recharges by hand until he says otherwise."""
    op.execute(
        "INSERT INTO credit_watches (organization_id, is_on, trigger_micros, amount_micros, is_inclusive, in_multiples,"
        " recharges_per_hour, recharges_per_day, version, epoch, paused_fingerprint, reserved_day, reserved_day_micros,"
        " reserved_month, reserved_month_micros, recent, alerts, is_exhaustion_told, events_count)"
        " SELECT organization_id, FALSE, 0, 0, FALSE, FALSE, 3, 6, 0, 1, '', '', 0, '', 0, '', '', FALSE, 0"
        " FROM organizations WHERE has_credit_set_up"
    )


def _make_insert_only() -> None:
    """Documents are written once: whatever tries to change or delete one fails, as in the journal (0001)."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("invoices", "invoice_payments", "credit_notes", "statements"):
        for statement in _refusals_on_sqlite(table) if is_sqlite else _refusals_on_postgresql(table):
            op.execute(statement)


def _refusals_on_sqlite(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
        for verb in ("UPDATE", "DELETE")
    )


def _refusals_on_postgresql(table: str) -> tuple[str, ...]:
    refuses = "EXECUTE FUNCTION refuse_change()"
    return (
        f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuses}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuses}",
    )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("language")
        batch_op.drop_column("roles")

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_undelivered",
            sqlite_where=sa.text("delivered_at IS NULL"),
            postgresql_where=sa.text("delivered_at IS NULL"),
        )
        batch_op.drop_column("details")

    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.drop_column("billing_mode")

    with op.batch_alter_table("credit_lots", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_lots_expires_at")

    op.drop_table("purchase_orders")
    op.drop_table("lot_notices")
    op.drop_table("invoice_payments")
    with op.batch_alter_table("credit_notes", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_notes_invoice_sequence")

    op.drop_table("credit_notes")
    op.drop_table("webhook_endpoints")
    with op.batch_alter_table("support_cases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_support_cases_one_open",
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.drop_table("support_cases")
    op.drop_table("statements")
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_refunds_one_open",
            sqlite_where=sa.text("state IN ('due', 'asking', 'unknown') AND purchase_id <> ''"),
            postgresql_where=sa.text("state IN ('due', 'asking', 'unknown') AND purchase_id <> ''"),
        )
        batch_op.drop_index(
            "ix_refunds_next_step_at",
            sqlite_where=sa.text("next_step_at IS NOT NULL"),
            postgresql_where=sa.text("next_step_at IS NOT NULL"),
        )

    op.drop_table("refunds")
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
    op.drop_table("notification_rules")
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_index("ix_invoices_due_at")

    op.drop_table("invoices")
    op.drop_table("entry_reasons")
    op.drop_table("disputes")
    op.drop_table("credit_watches")
    op.drop_table("agreements")
    op.drop_table("worker_slots")
    op.drop_table("tax_rules")
    with op.batch_alter_table("gateway_events", schema=None) as batch_op:
        batch_op.drop_index("ix_gateway_events_charge_id")

    op.drop_table("gateway_events")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deliveries_next_attempt_at",
            sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        )

    op.drop_table("deliveries")
    op.drop_table("chores")
    op.drop_table("billing_parties")
    op.drop_table("balance_imports")
