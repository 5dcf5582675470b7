"""IKE fragmentation (RFC 7383)."""
