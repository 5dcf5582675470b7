"""RADIUS for tests: a server (RFC 2865, 2866, 3579) and a client of dynamic authorization (RFC 5176), without I/O."""
