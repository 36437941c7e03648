"""The charging door: flat JSON or form in, flat JSON or one line of text out, for switches."""
