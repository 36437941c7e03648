"""The Nchf door: the converged charging service of a 5G core (TS 32.291), for calls of its IMS."""
