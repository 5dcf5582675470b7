"""A gateway that asks an AAA server (RFC 2865, 2866, 3579, 5176)."""
