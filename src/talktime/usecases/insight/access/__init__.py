"""Applications and their tokens: create, list, revoke, issue, check."""
