"""Usage rows as reports read them, those imported, and those that are rated again."""
