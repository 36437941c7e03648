"""Published prices: decks, the rate of a number, the cost of a call."""
