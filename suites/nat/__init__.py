"""NAT traversal and rough paths (RFC 7296, sections 2.1, 2.11 and 2.23; RFC 3948)."""
