"""The directory as LDAPv3 clients see it: read only, over TLS, from the same cards and the same search as every other face.

RFC 4510 and its companions. Octets become values in `ber`, `messages`, `filters` and `controls`; `plan` decides how a filter
is answered; `dit` and `searching` are units of work; `connection` and `server` hold the sockets.
"""
