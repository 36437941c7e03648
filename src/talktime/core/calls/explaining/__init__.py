"""The procedure in words: what each step asked, found and said, and what would change it."""
