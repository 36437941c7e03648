"""Exports in the background: asked for, taken by a worker, told how far, fetched, forgotten; and sent by a schedule."""
