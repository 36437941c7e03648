"""Tables of how credit is bought: ways to pay, purchases, what gateways reported, and what is watched meanwhile."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from talktime.store.schema.metadata import metadata

_OPEN = "state IN ('due', 'charging', 'unknown', 'needs_action', 'invoiced')"

# Agreements by number; they belong to one organization (S37 to S40).
agreements = Table(
    "agreements",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("agreement_number", Text, nullable=False),
    Column("billing_country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    # 'on_credit': the lot is active at once; 'on_settlement': once its invoice is paid.
    Column("terms", Text, nullable=False),
    # What may be bought under it in all; NULL where nobody set a limit.
    Column("limit_micros", BigInteger),
    Column("used_micros", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    Column("is_active", Boolean, nullable=False),
    PrimaryKeyConstraint("organization_id", "agreement_number"),
    CheckConstraint("used_micros >= 0 AND (limit_micros IS NULL OR used_micros <= limit_micros)", name="within_limit"),
    CheckConstraint("terms IN ('on_credit', 'on_settlement')", name="terms_known"),
)

# What was bought under a purchase order, and what it lets be bought, where somebody said so.
purchase_orders = Table(
    "purchase_orders",
    metadata,
    Column("organization_id", BigInteger, nullable=False),
    Column("agreement_number", Text, nullable=False),
    Column("purchase_order", Text, nullable=False),
    Column("limit_micros", BigInteger),
    Column("used_micros", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    PrimaryKeyConstraint("organization_id", "agreement_number", "purchase_order"),
    ForeignKeyConstraint(
        ["organization_id", "agreement_number"], ["agreements.organization_id", "agreements.agreement_number"]
    ),
    CheckConstraint("used_micros >= 0 AND (limit_micros IS NULL OR used_micros <= limit_micros)", name="within_limit"),
)

# What a rule forbade and an operator may permit: an agreement that is billed in another country (S40).
support_cases = Table(
    "support_cases",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("agreement_number", Text, nullable=False),
    # As they were when it was opened: what is permitted is permitted for them.
    Column("country", Text, nullable=False),
    Column("billing_country", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("override_reason", Text, nullable=False),
    PrimaryKeyConstraint("organization_id", "sequence"),
    CheckConstraint("(resolved_at IS NULL) = (override_reason = '')", name="resolved_with_a_reason"),
    Index(
        "uq_support_cases_one_open",
        "organization_id",
        "agreement_number",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("method_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", Text, nullable=False),
    # The last day on which the card can be charged, as ISO 8601.
    Column("expires_on", Text),
    Column("agreement_number", Text, nullable=False),
    Column("purchase_order", Text, nullable=False),
    Column("is_removed", Boolean, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    # The last notice before the card expires: 30 days, then 7.
    Column("expiry_told_days", Integer),
    PrimaryKeyConstraint("organization_id", "method_id"),
    CheckConstraint("(kind = 'card') = (expires_on IS NOT NULL)", name="cards_expire"),
)

# Credit being bought, by order or by recharge. At most one recharge of an organization is open, one for each epoch.
purchases = Table(
    "purchases",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), nullable=False),
    Column("purchase_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method_id", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("epoch", BigInteger),
    Column("tax_micros", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("next_step_at", BigInteger),
    Column("fence", Integer, nullable=False),
    Column("first_asked_at", BigInteger),
    Column("last_asked_at", BigInteger),
    Column("asked_count", Integer, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("decline_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action_url", Text, nullable=False),
    Column("closed_at", BigInteger),
    Column("lot_id", BigInteger),
    Column("is_withdrawn", Boolean, nullable=False),
    PrimaryKeyConstraint("organization_id", "purchase_id"),
    CheckConstraint("amount_micros > 0 AND (tax_micros IS NULL OR tax_micros >= 0)", name="amount_positive"),
    CheckConstraint("(cause = 'recharge') = (epoch IS NOT NULL)", name="recharges_have_an_epoch"),
    CheckConstraint("(state = 'settled') = (lot_id IS NOT NULL)", name="settled_has_a_lot"),
    CheckConstraint(f"({_OPEN}) = (closed_at IS NULL)", name="closed_or_open"),
    UniqueConstraint("organization_id", "epoch"),
    Index(
        "uq_purchases_one_open_recharge",
        "organization_id",
        unique=True,
        sqlite_where=text(f"cause = 'recharge' AND {_OPEN}"),
        postgresql_where=text(f"cause = 'recharge' AND {_OPEN}"),
    ),
    Index(
        "ix_purchases_next_step_at",
        "next_step_at",
        sqlite_where=text("next_step_at IS NOT NULL"),
        postgresql_where=text("next_step_at IS NOT NULL"),
    ),
)

# What gateways reported, each once; what explains no purchase of ours is parked with the reason.
gateway_events = Table(
    "gateway_events",
    metadata,
    Column("gateway", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("organization_id", BigInteger),
    Column("purchase_id", Text, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("parked_reason", Text, nullable=False),
    PrimaryKeyConstraint("gateway", "event_id"),
    Index("ix_gateway_events_charge_id", "charge_id"),
)

# What is watched while credit moves: the recharge policy and where it stands, thresholds, what was told already.
credit_watches = Table(
    "credit_watches",
    metadata,
    Column("organization_id", BigInteger, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("trigger_micros", BigInteger, nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("is_inclusive", Boolean, nullable=False),
    Column("in_multiples", Boolean, nullable=False),
    Column("method_id", BigInteger),
    Column("fallback_method_id", BigInteger),
    Column("cap_per_day_micros", BigInteger),
    Column("cap_per_month_micros", BigInteger),
    Column("recharges_per_hour", Integer, nullable=False),
    Column("recharges_per_day", Integer, nullable=False),
    # Grows with every change of the settings: who edits an older version is told so (money.md 70).
    Column("version", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("open_purchase_id", Text),
    Column("paused", Text),
    Column("paused_at", BigInteger),
    Column("paused_fingerprint", Text, nullable=False),
    Column("held_back", Text),
    Column("held_back_until", BigInteger),
    # Local days as ISO 8601 and what was reserved on them; instants of the last recharges, separated by blanks.
    Column("reserved_day", Text, nullable=False),
    Column("reserved_day_micros", BigInteger, nullable=False),
    Column("reserved_month", Text, nullable=False),
    Column("reserved_month_micros", BigInteger, nullable=False),
    Column("recent", Text, nullable=False),
    # `threshold:told_at:is_armed` for each alert, separated by blanks.
    Column("alerts", Text, nullable=False),
    Column("is_exhaustion_told", Boolean, nullable=False),
    Column("events_count", BigInteger, nullable=False),
    # Grows with every change, so that charging reads the row once for each.
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("trigger_micros >= 0 AND amount_micros >= 0", name="amounts_not_negative"),
    CheckConstraint("NOT is_on OR (amount_micros > 0 AND method_id IS NOT NULL)", name="on_is_complete"),
    CheckConstraint("reserved_day_micros >= 0 AND reserved_month_micros >= 0", name="reserved_not_negative"),
)
