"""CREATE_CHILD_SA: Child SAs, rekeying of either kind, collisions (RFC 7296, sections 1.3, 2.8)."""
