"""How fast, how durable, next to what: one JSON object a line. `make bench ONLY=charging.inprocess`."""
