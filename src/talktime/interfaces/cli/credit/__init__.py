"""`talktime credit`: one module for each thing that can be done to credit."""
