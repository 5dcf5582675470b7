"""A slice of a campaign as ordinary purposes: the same bent messages each time, one purpose for each state."""
