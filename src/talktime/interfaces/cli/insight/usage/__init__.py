"""`talktime usage`: export what was used, import it from elsewhere, rate it again."""
