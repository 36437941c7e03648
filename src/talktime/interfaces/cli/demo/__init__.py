"""`talktime demo`: a month of calls and of credit, on a virtual clock."""
