"""What every room speaks in: money, time, numbers, errors."""
