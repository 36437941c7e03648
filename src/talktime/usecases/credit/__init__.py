"""Fund, hold, expire: what happens to credit."""
