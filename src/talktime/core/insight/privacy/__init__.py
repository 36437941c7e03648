"""What of a person a report hides, for how long it keeps the rest, and what is left of someone who is erased."""
