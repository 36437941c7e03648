"""When credit is bought by itself, and what must be told when it moves."""
