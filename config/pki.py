"""What diwan.toml says of the certificates that this platform issues."""

import re
from pathlib import Path

from config.places import endpoint
from config.section import Section

_URL = re.compile(r"http://[a-z0-9.-]+(?::(?!80\b)[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*")
_TIMES = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/?=&-]*)?")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*)){2,}")


class Pki(Section, frozen=True, forbid_unknown_fields=True):
    """Certificates: where their revocation is found, under which policy they are issued, and when they are renewed."""

    url: str = ""  # plain HTTP, as it stands in certificates for years; "" is `listen.pki` under this machine's name, if there is one
    policy: str = ""  # the state's own certificate policy, an object identifier
    country: str = ""  # two letters in the names of subjects
    renew_days: int = 30  # so long before they end certificates whose keys are here are renewed; 0: only by hand
    alert_days: int = 21  # so long before the end what was not renewed is an alarm
    fetch: bool = True  # ask other authorities, below a root of this node, about their certificates
    times: str = ""  # address of an authority of time elsewhere (RFC 3161), asked before the node's own
    max_connections_per_address: int = 100  # an office behind one address: each asks for a moment; more where a proxy stands in front
    stamps_per_minute: int = 600  # time stamps for one address, such as a node without an authority of its own; 0 is no limit
    times_ca: Path | None = None  # PEM with the roots of its https, relative to the node's directory; None: the system's

    def __post_init__(self) -> None:
        if self.url and not _URL.fullmatch(self.url):  # another form of the same address would be another name for what it signs
            raise ValueError("Expected http:// in lower case, without :80 and without a slash at its end - at `$.url`")
        if self.policy and not _OID.fullmatch(self.policy):
            raise ValueError("Expected an object identifier such as `1.3.6.1.4.1.32473.1.1` - at `$.policy`")
        if self.country and not re.fullmatch("[A-Z]{2}", self.country):
            raise ValueError("Expected two capital letters, or nothing - at `$.country`")
        if self.times and not _TIMES.fullmatch(self.times):
            raise ValueError("Expected an http or https address - at `$.times`")
        if self.max_connections_per_address < 1:
            raise ValueError("Expected a number, 1 or more - at `$.max_connections_per_address`")
        if self.stamps_per_minute < 0:
            raise ValueError("Expected a number, 0 for no limit - at `$.stamps_per_minute`")
        for name in ("renew_days", "alert_days"):
            if getattr(self, name) < 0:
                raise ValueError(f"Expected days, 0 for never - at `$.{name}`")

    def place(self, hostname: str, listen: str) -> str:
        """Return the address for certificates, without a slash at its end, of a machine that listens there; "" when there is none."""
        if self.url or not listen:
            return self.url
        port = endpoint(listen)[1]
        return f"http://{hostname.lower()}" + (f":{port}" if port != 80 else "")
