"""`talktime users erase` and `talktime reports retention`."""
