"""Organizations, their people, licenses and numbers, from the command line."""
