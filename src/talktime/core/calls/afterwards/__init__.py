"""What becomes of calls after they have ended: corrections, and reconciliation with a switch's own records."""
