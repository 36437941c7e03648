"""Which programs may read what of an organization."""
