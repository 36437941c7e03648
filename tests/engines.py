"""Marks for tests that meet one of the two engines only: for what does not depend on it, or is there on one alone."""

import pytest

on_sqlite = pytest.mark.parametrize("database_engine", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "database_engine", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
