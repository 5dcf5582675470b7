"""Message IDs, window, retransmission (RFC 7296, sections 2.1 to 2.4)."""
