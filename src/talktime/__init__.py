"""Prepaid credit for phone calls: funded, authorized, charged, cut and reported to the micro-unit."""

__version__ = "0.1.0"
