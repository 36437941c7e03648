"""Usage of other systems: what their columns and words mean, which calls come twice, what a deck says they cost."""
