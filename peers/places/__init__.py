"""Where a device runs: a network namespace or a container, found and removed again whatever happens to us."""
