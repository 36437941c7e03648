"""What reports, the audit and the ledger read."""
