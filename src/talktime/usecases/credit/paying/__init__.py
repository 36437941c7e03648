"""Move the money of purchases, once."""
