"""OpenPGP in mail: keys of ours and of correspondents, the web key directory, letters by RFC 3156."""
