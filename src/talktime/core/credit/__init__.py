"""Prepaid money: lots with their own expiry, and the journal that proves them."""
