"""Fuzzing campaigns: cases that are run against a device, oracles that judge, findings that can be replayed."""
