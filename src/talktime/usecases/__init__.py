"""What people and switches want done: load, decide, save, in one transaction each."""
