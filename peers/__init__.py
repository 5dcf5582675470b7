"""Devices under test: the contract, the adapters, and where they run."""
