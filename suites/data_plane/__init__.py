"""Traffic through Child SAs: what arrives, what must not, and how large it is."""
