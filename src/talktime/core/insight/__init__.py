"""What the books tell afterwards: the usage report, the receipt of a call."""
