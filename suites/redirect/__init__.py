"""Redirects: the device follows them as initiator and sends initiators away as responder (RFC 5685)."""
