"""Rule who may call where, and for how much."""
