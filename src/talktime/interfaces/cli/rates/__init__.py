"""Rate decks and quotes, from the command line."""
