"""Set, show and review the auto-recharge."""
