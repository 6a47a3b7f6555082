"""SCIM 2.0: HR systems read and write people, units, posts and who holds which. RFC 7643, RFC 7644."""
