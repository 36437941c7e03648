"""How a price list is read: its header, its cells, its rows, and the rows together."""
