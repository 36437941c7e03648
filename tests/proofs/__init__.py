"""Proofs that take minutes, each with a short seeded form among the tests; `make prove ONLY=word` runs one."""
