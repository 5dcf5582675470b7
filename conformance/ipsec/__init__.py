"""IPsec: databases (SAD, SPD), ESP and AH, tunnels, UDP encapsulation, and a host that is all of it (RFC 4301).

No socket, no clock and no randomness inside: octets, the time in seconds and a source of random octets are arguments.
"""
