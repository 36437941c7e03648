"""Who may call and what may pay: the case that a call puts, and the procedure that decides it."""
