"""Numbers: import an inventory, order from it, assign, release, and watch them."""
