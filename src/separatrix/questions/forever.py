"""Where a time becomes a word."""

FOREVER = 3.2e10
"""Seconds (a thousand years) from which on a number says no more to anybody than "for ever"."""
