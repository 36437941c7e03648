"""What reports, exports, imported usage and advice keep."""
