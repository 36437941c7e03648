"""Calls: charge them, and close those whose switch fell silent."""
