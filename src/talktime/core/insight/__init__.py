"""What the numbers say: usage rows as reports, receipts, tables."""
