"""What is kept and read of calls after they have ended: parked reports, and the records of switches."""
