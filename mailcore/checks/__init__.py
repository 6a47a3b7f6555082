"""Checks of what comes from outside, and our own signatures on what leaves."""
