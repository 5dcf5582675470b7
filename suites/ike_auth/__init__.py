"""IKE_AUTH: identities, certificates, proofs, the first Child SA (RFC 7296, sections 1.2, 2.15)."""
