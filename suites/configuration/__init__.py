"""Configuration payloads: inner addresses and what goes with them (RFC 7296, sections 2.19, 2.20 and 3.15)."""
