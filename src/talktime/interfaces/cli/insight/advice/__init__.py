"""`talktime advise`: from a file or an organization, in words, tables and a picture."""
