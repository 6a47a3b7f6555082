"""OpenPGP through GnuPG: keys, signatures and encryption of single entities. RFC 9580, RFC 3156."""
