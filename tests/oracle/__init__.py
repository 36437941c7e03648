"""Independent oracle of one procedure: may a phone call be made, and what pays for it."""
