"""Pictures of balance, spend and use as SVG and PNG: our own few shapes, no program inside, the same bytes anywhere."""
