"""Who owns a balance, who may call on it."""
