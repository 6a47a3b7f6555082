"""The tables [dns] and [checks] of diwan.toml: whom to ask about names, and what to do with mail from outside."""

import ipaddress
from typing import Literal

import msgspec

from config.places import endpoint

Verdict = Literal["take", "junk", "reject"]
WhenDown = Literal["defer", "take"]


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name servers to ask."""

    nameservers: tuple[str, ...] = ()  # "address:port" each; none: the machine's
    validating: bool = False  # they verify DNSSEC, and nobody can change what they say on its way here: usually 127.0.0.1:53

    def __post_init__(self) -> None:
        for server in self.nameservers:
            try:
                ipaddress.ip_address(endpoint(server)[0])
            except ValueError:
                raise ValueError("Expected `address:port` of each name server - at `$.nameservers`") from None


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked about a message that another server brings, and what follows from the answers.

    "take" delivers it, "junk" delivers it into the folder for junk, "reject" refuses it while its sender is still there.
    A message from this machine, from `exempt` and from a node of the topology is not asked about.
    """

    enabled: bool = True
    exempt: tuple[str, ...] = ()  # addresses and networks of our own relays: "10.1.0.0/16"
    deadline_s: int = 90  # for everything together; a sender waits ten minutes (RFC 5321 §4.5.3.2.6)

    spf_fail: Verdict = "take"  # RFC 7208 §8.4: the domain says that this address does not send for it; forwarders fail too
    dmarc_reject: Verdict = "reject"  # RFC 9989: the author's domain asks for rejection
    dmarc_quarantine: Verdict = "junk"
    own_domain: Verdict = "junk"  # the author is said to be one of ours, and neither a signature nor the sender's address proves it
    arc_trusted: tuple[str, ...] = ()  # domains of forwarders whose word about what they received is believed (RFC 8617)

    clamav: str = ""  # "host:port" or the path of clamd's socket; "" is off
    clamav_timeout_s: int = 60
    clamav_when_down: WhenDown = "defer"
    virus: Verdict = "reject"

    rspamd: str = ""  # the address of its worker for scans, "http://127.0.0.1:11333"; "" is off
    rspamd_timeout_s: int = 30
    rspamd_when_down: WhenDown = "take"
    spam_reject: Verdict = "reject"  # what its action "reject" leads to; "add header" and "rewrite subject" lead to junk

    def __post_init__(self) -> None:
        for network in self.exempt:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError("Expected addresses or networks, as `10.1.0.0/16` - at `$.exempt`") from None
        if self.clamav and not self.clamav.startswith("/"):
            try:
                endpoint(self.clamav)
            except ValueError:
                raise ValueError("Expected `host:port` or the path of a socket - at `$.clamav`") from None
        if self.rspamd and not self.rspamd.startswith(("http://", "https://")):
            raise ValueError("Expected an address as `http://127.0.0.1:11333` - at `$.rspamd`")
        if min(self.deadline_s, self.clamav_timeout_s, self.rspamd_timeout_s) < 1:
            raise ValueError("Expected seconds, 1 or more - at `$.deadline_s`")
