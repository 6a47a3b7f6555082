"""Synchronisation from an LDAP server: who is in a source is in the register, and who has left it is let go, within a brake."""
