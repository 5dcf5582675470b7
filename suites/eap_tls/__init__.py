"""TLS within EAP within IKE_AUTH (RFC 5216, RFC 9190)."""
