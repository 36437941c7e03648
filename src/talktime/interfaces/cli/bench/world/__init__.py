"""What is charged in a benchmark: organizations, the prices of their calls, whom they call, and what they called."""
