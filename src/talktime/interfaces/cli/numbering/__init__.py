"""Commands about telephone numbers and the accounts that answer them."""
