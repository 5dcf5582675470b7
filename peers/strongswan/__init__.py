"""strongSwan as a device under test, controlled over vici."""
