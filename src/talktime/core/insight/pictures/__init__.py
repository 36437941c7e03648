"""What pictures show, before they are drawn: frozen values, and the same numbers as a table for whoever reads."""
