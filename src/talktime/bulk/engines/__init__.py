"""Where batches of calls are rated: on this machine, or by a cluster; the kernel is the same."""
