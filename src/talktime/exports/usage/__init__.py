"""Files of usage, one format each: what a person, a spreadsheet, a program or a data lake takes away."""
