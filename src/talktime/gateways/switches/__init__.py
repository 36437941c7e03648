"""Switches: told to end a call now."""
