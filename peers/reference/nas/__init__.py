"""The reference device as a gateway that asks an AAA server: EAP is passed through, sessions are told and ended."""
