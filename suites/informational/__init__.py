"""INFORMATIONAL: liveness, deletion, notifies (RFC 7296, section 1.4)."""
