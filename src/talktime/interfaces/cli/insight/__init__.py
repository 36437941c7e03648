"""Commands about what was: usage, the ledger, the audit."""
