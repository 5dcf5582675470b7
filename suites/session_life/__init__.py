"""The life of a session: how long it lasts, what replaces it, how its end is seen (RFC 7296, 2.4, 2.8; RFC 4478)."""
