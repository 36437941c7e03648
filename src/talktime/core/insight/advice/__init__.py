"""How much to fund: what usage so far says about trigger and recharge amounts, and how far it is to be trusted."""
