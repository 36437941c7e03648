"""Many calls at once: the scalar core's rating in columns of numbers, equal to it on every row."""
