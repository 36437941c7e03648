"""The business rules: values and decisions, pure; no clock, no database, no network."""
