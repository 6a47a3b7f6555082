"""Which network an address counts for, wherever clients or peers are counted. Pure.

Whoever has one IPv6 address has all of its /64 (RFC 4291 §2.5.1, RFC 6177 §2), and an IPv4 address may be written as one of IPv6
(RFC 4291 §2.5.5).
"""

import ipaddress
from functools import lru_cache

IPV6_BITS = 64


@lru_cache(maxsize=4096)
def site(address: str, ipv4_bits: int = 32) -> str:
    """Return the /64 of an IPv6 address, and an IPv4 address, or its network of `ipv4_bits`; what is no address as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    found = getattr(parsed, "ipv4_mapped", None) or parsed
    bits = ipv4_bits if found.version == 4 else IPV6_BITS
    return str(found) if bits == found.max_prefixlen else str(ipaddress.ip_network((found, bits), strict=False))
