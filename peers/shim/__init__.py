"""A preloaded library that lets an IKE daemon finish negotiations on a kernel without ESP."""
