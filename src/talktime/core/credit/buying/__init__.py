"""What credit is bought with, what may be bought, and the one way a purchase goes."""
