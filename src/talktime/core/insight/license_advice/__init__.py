"""Which licenses would have cost less: the usage of past months, replayed on other assignments of calling plans."""
