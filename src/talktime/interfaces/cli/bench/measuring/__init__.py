"""What is read beside a load: processor time, baselines, durability, and whether the books still agree."""
