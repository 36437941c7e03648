"""The worker: work that happens later, by a schedule and by rows that are due."""
