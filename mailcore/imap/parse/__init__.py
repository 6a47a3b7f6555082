"""From the octets of one command to a value of `commands`. RFC 3501 §9."""
