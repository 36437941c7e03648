"""The command line: one file per subject, imported when it is called."""
