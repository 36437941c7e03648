"""Phone numbers: what the inventory offers, how many an organization may have, and how one comes to be assigned."""
