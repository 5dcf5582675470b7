"""IKE_SA_INIT: algorithms, key exchange, cookies, NAT detection (RFC 7296, sections 1.2, 2.6, 2.7)."""
