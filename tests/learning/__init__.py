"""Tests of suites.learning, its pages and its command."""
