"""SMTP (RFC 5321, RFC 6409): what comes in."""
