"""OpenPGP in the webmail: letters of correspondents who use it, read and written."""
