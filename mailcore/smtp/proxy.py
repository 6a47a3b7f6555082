"""The PROXY protocol: a load balancer says, before all else, whose connection it passes on. Pure.

HAProxy, "The PROXY protocol", versions 1 and 2. Only what listed addresses say is believed; the door reads it before TLS.
"""

import ipaddress
import re
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2
LONGEST_LINE = 107  # of version 1, with its line break
HEAD = struct.Struct(">BBH")  # version and command, family and protocol, how many octets follow
LONGEST_BODY = 4096  # addresses, and what a balancer may tell beside them

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LINE = re.compile(rb"PROXY (?:(TCP4|TCP6) ([0-9A-Fa-f.:]{2,45}) ([0-9A-Fa-f.:]{2,45}) (\d{1,5}) (\d{1,5})|UNKNOWN(?: [ -~]*)?)\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_LENGTHS = {0x11: 4, 0x21: 16}  # octets of an address: TCP over IPv4, over IPv6
_PORTS = 4


class BadProxy(ValueError):
    """What came is not what a load balancer says."""


def line(octets: bytes) -> str | None:
    """Return the client that a line of version 1 names; None when the balancer speaks for itself. Raises BadProxy."""
    found = _LINE.fullmatch(octets)
    if found is None or len(octets) > LONGEST_LINE:
        raise BadProxy
    if found[1] is None:
        return None
    version = 4 if found[1] == b"TCP4" else 6
    client, aim = (_address(found[number].decode("ascii")) for number in (2, 3))
    if client.version != version or aim.version != version or int(found[4]) > 65535 or int(found[5]) > 65535:
        raise BadProxy
    return str(_believable(client))


def body_bytes(head: bytes) -> int:
    """Return how many octets follow the four behind the signature of version 2. Raises BadProxy."""
    command, _, size_bytes = HEAD.unpack(head)
    if command not in (_LOCAL, _PROXY) or size_bytes > LONGEST_BODY:
        raise BadProxy
    return int(size_bytes)


def binary(head: bytes, body: bytes) -> str | None:
    """Return the client that version 2 names; None when the balancer speaks for itself. Raises BadProxy."""
    command, family, _ = HEAD.unpack(head)
    length = _LENGTHS.get(family)
    if command == _LOCAL or family == 0:
        return None
    if length is None or len(body) < 2 * length + _PORTS:
        raise BadProxy
    return str(_believable(ipaddress.ip_address(body[:length])))


def _believable(client: Address) -> Address:
    """Return the address of a client. Raises BadProxy for this machine's own, from which mail is taken unexamined, and for no client's."""
    plain = (client.ipv4_mapped or client) if isinstance(client, ipaddress.IPv6Address) else client
    if plain.is_loopback or plain.is_unspecified or plain.is_multicast:
        raise BadProxy
    return client


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise BadProxy from error
