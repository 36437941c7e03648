"""What a report shows: which rows, in which order, added up how."""
