"""Other people's files, inward: one format per file, each yielding plain text for the core to judge."""
