"""libreswan as a device under test, controlled over whack."""
