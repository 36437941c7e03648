"""Money that moves: the sandbox and Stripe."""
