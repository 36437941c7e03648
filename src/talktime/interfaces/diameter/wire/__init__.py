"""Diameter as it goes over the wire, whoever speaks it: bytes, messages, and the names and numbers in them."""
