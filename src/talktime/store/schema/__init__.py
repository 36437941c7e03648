"""The tables, once for both databases; CHECK constraints repeat the core's invariants.

Instants are BIGINT microseconds since 1970 UTC, money is BIGINT micros (docs/decisions/0003). What an organization owns
carries `organization_id` first in its key, so that the store can be sharded by it. The hot tables (calls, usage_rows,
postings) have no foreign keys: they are written under the organization's row lock, and the audit checks them.
"""

from talktime.store.schema.calls import call_keys, calls, meters, parked_reports, usage_rows
from talktime.store.schema.countries import country_rules, country_versions
from talktime.store.schema.credit import credit_lots, idempotent_requests, postings
from talktime.store.schema.documents import (
    billing_parties,
    credit_notes,
    invoice_payments,
    invoices,
    statements,
    tax_rules,
)
from talktime.store.schema.events import deliveries, notification_rules, outbox, webhook_endpoints
from talktime.store.schema.insight.access_tokens import access_tokens, applications
from talktime.store.schema.insight.advice import funding_advice
from talktime.store.schema.insight.exports import exports, report_schedules
from talktime.store.schema.insight.imported import imported_calls, usage_imports
from talktime.store.schema.insight.reporting import call_retentions, department_budgets
from talktime.store.schema.lot_life import balance_imports, disputes, entry_reasons, lot_notices, refunds
from talktime.store.schema.metadata import metadata
from talktime.store.schema.numbering import number_orders, phone_numbers
from talktime.store.schema.organizations import (
    arrangements,
    identities,
    license_counts,
    license_purchases,
    organizations,
    users,
)
from talktime.store.schema.payments import (
    agreements,
    credit_watches,
    gateway_events,
    payment_methods,
    purchase_orders,
    purchases,
    support_cases,
)
from talktime.store.schema.rates import deck_publications, deck_versions, rates
from talktime.store.schema.work import chores, worker_slots

# The newest migration; a test compares it with the migrations themselves.
SCHEMA_REVISION = "0006"
# Insert-only by trigger.
JOURNAL_TABLES = ("postings", "invoices", "invoice_payments", "credit_notes", "statements")

__all__ = [
    "JOURNAL_TABLES",
    "SCHEMA_REVISION",
    "access_tokens",
    "agreements",
    "applications",
    "arrangements",
    "balance_imports",
    "billing_parties",
    "call_keys",
    "call_retentions",
    "calls",
    "chores",
    "country_rules",
    "country_versions",
    "credit_lots",
    "credit_notes",
    "credit_watches",
    "deck_publications",
    "deck_versions",
    "deliveries",
    "department_budgets",
    "disputes",
    "entry_reasons",
    "exports",
    "funding_advice",
    "gateway_events",
    "idempotent_requests",
    "identities",
    "imported_calls",
    "invoice_payments",
    "invoices",
    "license_counts",
    "license_purchases",
    "lot_notices",
    "metadata",
    "meters",
    "notification_rules",
    "number_orders",
    "organizations",
    "outbox",
    "parked_reports",
    "payment_methods",
    "phone_numbers",
    "postings",
    "purchase_orders",
    "purchases",
    "rates",
    "refunds",
    "report_schedules",
    "statements",
    "support_cases",
    "tax_rules",
    "usage_imports",
    "usage_rows",
    "users",
    "webhook_endpoints",
    "worker_slots",
]
