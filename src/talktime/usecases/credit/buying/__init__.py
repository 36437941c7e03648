"""Order credit, and keep what pays for it: cards, agreements, their cases."""
