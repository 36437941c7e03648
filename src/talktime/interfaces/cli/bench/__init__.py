"""How fast, how durable, next to what: `talktime bench` and `make bench`."""
