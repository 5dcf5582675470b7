"""Test purposes, one folder per subject, and the catalogue of requirements."""
