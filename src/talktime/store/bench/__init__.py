"""Rows of the benchmark's world, and what is read of the books after it: for `talktime bench` alone."""
