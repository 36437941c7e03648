"""Reports over any period and filter, each with how far it is complete."""
