"""Where a person is kept, and how he is taken out of there."""
