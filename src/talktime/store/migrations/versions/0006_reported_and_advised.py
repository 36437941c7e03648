"""What reports, exports, imported usage and advice keep."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_table(
        "applications",
        sa.Column("application_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.BigInteger(), nullable=False),
        sa.Column("secret_digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("scopes > 0", name=op.f("ck_applications_scopes_some")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_applications_organizations")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_applications")),
    )
    with op.batch_alter_table("applications", schema=None) as batch_op:
        batch_op.create_index(
            "ix_applications_name",
            ["organization_id", "name"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "call_retentions",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.CheckConstraint("days > 0", name=op.f("ck_call_retentions_days_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_call_retentions_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_call_retentions")),
    )
    op.create_table(
        "department_budgets",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("monthly_micros", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("monthly_micros > 0", name=op.f("ck_department_budgets_monthly_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_department_budgets_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "department", name=op.f("pk_department_budgets")),
    )
    op.create_table(
        "exports",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("money_decimals", sa.Integer(), nullable=True),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("bytes_count", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("complete_until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("(state = 'failed') = (reason <> '')", name=op.f("ck_exports_failed_has_a_reason")),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_exports_running_is_leased")
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'expired')) = (bytes_count IS NOT NULL)", name=op.f("ck_exports_done_has_a_file")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'expired')", name=op.f("ck_exports_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_exports_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "export_id", name=op.f("pk_exports")),
    )
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_exports_cause",
            ["organization_id", "cause"],
            unique=True,
            sqlite_where=sa.text("cause <> ''"),
            postgresql_where=sa.text("cause <> ''"),
        )
        batch_op.create_index("ix_exports_expires_at", ["expires_at"], unique=False)
        batch_op.create_index(
            "ix_exports_state",
            ["state", "requested_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )

    op.create_table(
        "funding_advice",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("advised_at", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("trigger_micros", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("month_micros", sa.BigInteger(), nullable=False),
        sa.Column("week_low_micros", sa.BigInteger(), nullable=False),
        sa.Column("week_high_micros", sa.BigInteger(), nullable=False),
        sa.Column("weeks_count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= week_low_micros AND week_low_micros <= week_high_micros", name=op.f("ck_funding_advice_cone_in_order")
        ),
        sa.CheckConstraint(
            "trigger_micros >= 0 AND amount_micros > 0", name=op.f("ck_funding_advice_funding_positive")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_funding_advice_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_funding_advice")),
    )
    op.create_table(
        "report_schedules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("cadence", sa.Text(), nullable=False),
        sa.Column("run_day", sa.Integer(), nullable=False),
        sa.Column("run_hour", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("money_decimals", sa.Integer(), nullable=True),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_run_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("cadence IN ('daily', 'weekly', 'monthly')", name=op.f("ck_report_schedules_cadence_known")),
        sa.CheckConstraint("recipients <> ''", name=op.f("ck_report_schedules_somebody_reads_it")),
        sa.CheckConstraint(
            "run_day >= 1 AND run_day <= CASE cadence WHEN 'weekly' THEN 7 WHEN 'monthly' THEN 28 ELSE 1 END",
            name=op.f("ck_report_schedules_day_of_its_period"),
        ),
        sa.CheckConstraint("run_hour >= 0 AND run_hour <= 23", name=op.f("ck_report_schedules_hour_of_a_day")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_report_schedules_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "schedule_id", name=op.f("pk_report_schedules")),
    )
    with op.batch_alter_table("report_schedules", schema=None) as batch_op:
        batch_op.create_index("ix_report_schedules_next_run_at", ["next_run_at"], unique=False)

    op.create_table(
        "usage_imports",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("deck", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("calls_count", sa.BigInteger(), nullable=False),
        sa.Column("known_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_count", sa.BigInteger(), nullable=False),
        sa.Column("used_seconds", sa.BigInteger(), nullable=False),
        sa.Column("sums", sa.Text(), nullable=False),
        sa.Column("first_started_at", sa.BigInteger(), nullable=True),
        sa.Column("last_started_at", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('staging', 'complete', 'removing')", name=op.f("ck_usage_imports_state_known")),
        sa.CheckConstraint(
            "calls_count >= 0 AND known_count >= 0 AND rejected_count >= 0",
            name=op.f("ck_usage_imports_counts_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_usage_imports_organizations")
        ),
        sa.PrimaryKeyConstraint("organization_id", "import_id", name=op.f("pk_usage_imports")),
    )
    op.create_table(
        "access_tokens",
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("application_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("expires_at > issued_at", name=op.f("ck_access_tokens_expires_after_issue")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.application_id"], name=op.f("fk_access_tokens_applications")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_access_tokens")),
    )
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.create_index("ix_access_tokens_application_id", ["application_id"], unique=False)

    op.create_table(
        "imported_calls",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("used_seconds", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("conference_id", sa.Text(), nullable=False),
        sa.Column("user_principal_name", sa.Text(), nullable=False),
        sa.Column("user_object_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("user_location", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("called", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("number_type", sa.Text(), nullable=False),
        sa.Column("is_domestic", sa.Boolean(), nullable=True),
        sa.Column("connection_fee_micros", sa.BigInteger(), nullable=True),
        sa.Column("charge_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("capability", sa.Text(), nullable=False),
        sa.Column("rated_micros", sa.BigInteger(), nullable=True),
        sa.Column("not_rated", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "charge_micros IS NULL OR rated_micros IS NULL", name=op.f("ck_imported_calls_charged_or_rated")
        ),
        sa.CheckConstraint(
            "used_seconds >= 0 AND ended_at >= started_at", name=op.f("ck_imported_calls_times_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "import_id"],
            ["usage_imports.organization_id", "usage_imports.import_id"],
            name=op.f("fk_imported_calls_usage_imports"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "identity", name=op.f("pk_imported_calls")),
    )
    with op.batch_alter_table("imported_calls", schema=None) as batch_op:
        batch_op.create_index("ix_imported_calls_import_id", ["organization_id", "import_id"], unique=False)
        batch_op.create_index("ix_imported_calls_started_at", ["organization_id", "started_at"], unique=False)

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.create_index(
            "ix_calls_denied_started_at",
            ["organization_id", "started_at"],
            unique=False,
            sqlite_where=sa.text("denial IS NOT NULL"),
            postgresql_where=sa.text("denial IS NOT NULL"),
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_calls_denied_started_at",
            sqlite_where=sa.text("denial IS NOT NULL"),
            postgresql_where=sa.text("denial IS NOT NULL"),
        )

    with op.batch_alter_table("imported_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_imported_calls_started_at")
        batch_op.drop_index("ix_imported_calls_import_id")

    op.drop_table("imported_calls")
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_access_tokens_application_id")

    op.drop_table("access_tokens")
    op.drop_table("usage_imports")
    with op.batch_alter_table("report_schedules", schema=None) as batch_op:
        batch_op.drop_index("ix_report_schedules_next_run_at")

    op.drop_table("report_schedules")
    op.drop_table("funding_advice")
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_exports_state",
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.drop_index("ix_exports_expires_at")
        batch_op.drop_index(
            "ix_exports_cause", sqlite_where=sa.text("cause <> ''"), postgresql_where=sa.text("cause <> ''")
        )

    op.drop_table("exports")
    op.drop_table("department_budgets")
    op.drop_table("call_retentions")
    with op.batch_alter_table("applications", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_applications_name",
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.drop_table("applications")
