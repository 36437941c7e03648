"""Outward: one technology per file; each carries out a port of `usecases/ports.py`."""
