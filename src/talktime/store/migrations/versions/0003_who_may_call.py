"""Who may call and what pays: licenses, plans, pools, numbers, conferences, policies."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "country_versions",
        sa.Column("version_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_country_versions")),
        sa.UniqueConstraint("valid_from", name=op.f("uq_country_versions_valid_from")),
    )
    op.create_table(
        "meters",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("used_before", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("used >= 0 AND held >= 0 AND used_before >= 0", name=op.f("ck_meters_parts_not_negative")),
        sa.PrimaryKeyConstraint("organization_id", "meter", name=op.f("pk_meters")),
    )
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.create_index(
            "ix_meters_overage",
            ["organization_id"],
            unique=False,
            sqlite_where=sa.text("meter LIKE 'overage/%'"),
            postgresql_where=sa.text("meter LIKE 'overage/%'"),
        )

    op.create_table(
        "arrangements",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_arrangements_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_arrangements")),
    )
    op.create_table(
        "country_rules",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("conferencing", sa.Text(), nullable=False),
        sa.Column("is_zone_a", sa.Boolean(), nullable=False),
        sa.Column("domestic_minutes", sa.Integer(), nullable=False),
        sa.Column("international_minutes", sa.Integer(), nullable=False),
        sa.Column("pay_as_you_go_zone", sa.Text(), nullable=False),
        sa.Column("plan_partner", sa.Text(), nullable=False),
        sa.Column("premium", sa.Text(), nullable=False),
        sa.Column("has_toll_numbers", sa.Boolean(), nullable=False),
        sa.Column("has_toll_free_numbers", sa.Boolean(), nullable=False),
        sa.Column("has_credits", sa.Boolean(), nullable=False),
        sa.Column("toll_city", sa.Text(), nullable=False),
        sa.Column("is_international_destination", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "domestic_minutes >= 0 AND international_minutes >= 0", name=op.f("ck_country_rules_minutes_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["country_versions.version_id"], name=op.f("fk_country_rules_country_versions")
        ),
        sa.PrimaryKeyConstraint("version_id", "country", name=op.f("pk_country_rules")),
    )
    op.create_table(
        "license_counts",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("license", sa.BigInteger(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("users_count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("users_count > 0", name=op.f("ck_license_counts_users_count_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_license_counts_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "license", "country", name=op.f("pk_license_counts")),
    )
    op.create_table(
        "license_purchases",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("license", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_license_purchases_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_license_purchases_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "license", name=op.f("pk_license_purchases")),
    )
    op.create_table(
        "number_orders",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("taken_count", sa.Integer(), nullable=False),
        sa.Column("reserved_until", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "activated_at IS NULL OR placed_at IS NOT NULL", name=op.f("ck_number_orders_placed_before_activated")
        ),
        sa.CheckConstraint(
            "taken_count > 0 AND taken_count <= quantity", name=op.f("ck_number_orders_taken_within_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_number_orders_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "order_id", name=op.f("pk_number_orders")),
    )
    op.create_table(
        "phone_numbers",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("area_key", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("reserved_until", sa.BigInteger(), nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.Column("is_ported", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(state = 'available') = (organization_id IS NULL)", name=op.f("ck_phone_numbers_available_is_nobodys")
        ),
        sa.CheckConstraint(
            "(state = 'reserved') = (reserved_until IS NOT NULL)",
            name=op.f("ck_phone_numbers_reserved_until_an_instant"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "order_id"],
            ["number_orders.organization_id", "number_orders.order_id"],
            name=op.f("fk_phone_numbers_number_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_phone_numbers_organizations")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_phone_numbers")),
    )
    with op.batch_alter_table("phone_numbers", schema=None) as batch_op:
        batch_op.create_index("ix_phone_numbers_offered", ["use", "country", "area_key", "number"], unique=False)
        batch_op.create_index("ix_phone_numbers_organization_id", ["organization_id", "order_id"], unique=False)

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meters", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("capability", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("hold_minutes", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(
            sa.Column("hold_overage_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.create_index(
            "ix_calls_open_conference_id",
            ["conference_id"],
            unique=False,
            sqlite_where=sa.text("state = 'open' AND conference_id <> ''"),
            postgresql_where=sa.text("state = 'open' AND conference_id <> ''"),
        )

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_tax_included", sa.Boolean(), server_default="0", nullable=False))

    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("arrangements_revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )

    with op.batch_alter_table("usage_rows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("capability", sa.Text(), server_default=sa.text("''"), nullable=False))

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("licenses", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("account", sa.Text(), server_default=sa.text("'person'"), nullable=False))
        batch_op.add_column(sa.Column("dialout_policy", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("block_reason", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(
            sa.Column("is_toll_free_dial_in_allowed", sa.Boolean(), server_default=sa.text("TRUE"), nullable=False)
        )
        batch_op.add_column(sa.Column("blocked_at", sa.BigInteger(), nullable=True))
    _fill()


def _fill() -> None:
    """The three licenses that were columns become one number; counts of them follow (license_counts)."""
    op.execute(
        "UPDATE users SET licenses = CASE WHEN has_phone_system THEN 1 ELSE 0 END"
        " + CASE WHEN has_audio_conferencing THEN 2 ELSE 0 END"
        " + CASE WHEN has_communications_credits THEN 4 ELSE 0 END"
    )
    for column, license_ in _COLUMNS.items():
        op.execute(
            "INSERT INTO license_counts (organization_id, license, country, users_count)"
            f" SELECT organization_id, {license_}, usage_location, count(*) FROM users WHERE {column}"
            " GROUP BY organization_id, usage_location"
        )
        # In use already, so they count as bought; nobody loses one.
        if column != "has_communications_credits":
            op.execute(
                "INSERT INTO license_purchases (organization_id, license, quantity)"
                f" SELECT organization_id, {license_}, count(*) FROM users WHERE {column} GROUP BY organization_id"
            )
        op.execute(f"ALTER TABLE users DROP COLUMN {column}")


_COLUMNS = {"has_phone_system": 1, "has_audio_conferencing": 2, "has_communications_credits": 4}


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("has_audio_conferencing", sa.BOOLEAN(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("has_communications_credits", sa.BOOLEAN(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("has_phone_system", sa.BOOLEAN(), nullable=False, server_default=sa.false()))
        batch_op.drop_column("blocked_at")
        batch_op.drop_column("is_toll_free_dial_in_allowed")
        batch_op.drop_column("block_reason")
        batch_op.drop_column("dialout_policy")
        batch_op.drop_column("account")
        batch_op.drop_column("licenses")

    with op.batch_alter_table("usage_rows", schema=None) as batch_op:
        batch_op.drop_column("capability")

    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.drop_column("arrangements_revision")

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_column("is_tax_included")

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_calls_open_conference_id",
            sqlite_where=sa.text("state = 'open' AND conference_id <> ''"),
            postgresql_where=sa.text("state = 'open' AND conference_id <> ''"),
        )
        batch_op.drop_column("hold_overage_micros")
        batch_op.drop_column("hold_minutes")
        batch_op.drop_column("capability")
        batch_op.drop_column("meters")

    with op.batch_alter_table("phone_numbers", schema=None) as batch_op:
        batch_op.drop_index("ix_phone_numbers_organization_id")
        batch_op.drop_index("ix_phone_numbers_offered")

    op.drop_table("phone_numbers")
    op.drop_table("number_orders")
    op.drop_table("license_purchases")
    op.drop_table("license_counts")
    op.drop_table("country_rules")
    op.drop_table("arrangements")
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_meters_overage",
            sqlite_where=sa.text("meter LIKE 'overage/%'"),
            postgresql_where=sa.text("meter LIKE 'overage/%'"),
        )

    op.drop_table("meters")
    op.drop_table("country_versions")
