"""People are forgotten, money is not."""
