"""OpenIKED (iked) as a device under test."""
