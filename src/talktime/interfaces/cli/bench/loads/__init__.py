"""Who asks for charging in a benchmark, each in a process of its own."""
