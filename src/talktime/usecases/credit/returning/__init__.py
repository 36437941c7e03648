"""Give money back, and answer those who take it back."""
