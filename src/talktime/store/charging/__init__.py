"""The hot path's store: facts of many requests in a few reads, their outcomes in a few writes, one commit."""
