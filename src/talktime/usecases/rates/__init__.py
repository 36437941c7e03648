"""Rate decks and quotes."""
