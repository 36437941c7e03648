"""`talktime reports` and `talktime budgets`: where the money goes."""
