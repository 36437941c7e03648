"""Organizations, their people and licenses."""
