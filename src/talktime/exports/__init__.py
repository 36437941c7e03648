"""Reports as files: CSV for machines, workbooks for people. Each writes what it is given, a row at a time."""
