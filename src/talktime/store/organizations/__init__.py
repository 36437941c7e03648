"""Rows of organizations: people, numbers, arrangements, restrictions, countries."""
