"""Certificates as they are run: names, paths, extensions, keys and signatures, in both roles (RFC 4945, RFC 5280)."""
