"""Rows of credit: lots and journal, purchases, ways to pay, what became of them, and papers."""
