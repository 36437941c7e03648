"""What is counted in a period beside the credit: meters, and the pools that they measure."""
