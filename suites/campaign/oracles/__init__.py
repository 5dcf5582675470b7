"""Oracles: who says that something is wrong. Each looks after a case and gives problems with stable symptoms."""
