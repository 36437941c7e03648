"""The only SQL: one schema on SQLite and PostgreSQL, one file for each room."""
