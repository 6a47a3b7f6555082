"""Bytes to message and back. Pure: no I/O, no clock, no randomness."""
