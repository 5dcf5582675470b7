"""Cisco IOS XE: FlexVPN configuration over SSH."""
