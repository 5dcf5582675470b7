"""Fuzzing without I/O: strategies and mutators from the definitions of the wire, and mutations as plain data."""
