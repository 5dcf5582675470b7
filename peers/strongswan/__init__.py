"""strongSwan as a device under test, controlled over vici."""

from peers.strongswan.device import StrongSwan

__all__ = ["StrongSwan"]
