"""The letters, one function for each kind of event: what happened, why, the amounts, what to do next."""
