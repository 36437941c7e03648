"""Files of usage that are made while nobody waits: what is asked for, how far it is, what is delivered when."""
