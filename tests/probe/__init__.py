"""Probing unknown devices."""
