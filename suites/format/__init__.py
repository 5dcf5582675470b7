"""Header and payload format (RFC 7296, sections 2.5 and 3)."""
