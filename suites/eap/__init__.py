"""EAP in IKE_AUTH (RFC 7296, section 2.16)."""
