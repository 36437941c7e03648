"""A call from authorization to its final record."""
