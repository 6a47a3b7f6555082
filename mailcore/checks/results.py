"""What the checks found, as values. Pure.

RFC 8601 §2.7 names the results: pass, fail, softfail, neutral, none, policy, temperror, permerror.
"""

from dataclasses import dataclass
from typing import Literal

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
DkimResult = Literal["pass", "fail", "policy", "neutral", "temperror", "permerror"]
ArcResult = Literal["none", "pass", "fail", "temperror"]
DmarcResult = Literal["none", "pass", "fail", "temperror", "permerror"]
Disposition = Literal["none", "quarantine", "reject"]


@dataclass(frozen=True, slots=True)
class Spf:
    """RFC 7208 §2.6. `domain` is what was asked about, "" when nothing was; `identity` is "mailfrom" or "helo"."""

    result: SpfResult
    domain: str = ""
    identity: Literal["mailfrom", "helo"] = "mailfrom"
    reason: str = ""
    explanation: str = ""  # what the domain says of a failure (§6.2): a stranger's words, printable ASCII, short


@dataclass(frozen=True, slots=True)
class Dkim:
    """One signature. `partial` says that l= leaves something unsigned, so that the author is not proven by it."""

    result: DkimResult
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    value: str = ""  # the beginning of b=, which tells signatures apart (RFC 6008)
    reason: str = ""
    bits: int = 0
    partial: bool = False

    @property
    def proves(self) -> bool:
        """Say whether the domain answers for the whole message."""
        return self.result == "pass" and not self.partial


@dataclass(frozen=True, slots=True)
class Arc:
    """A chain of custody (RFC 8617). `sealers` are the domains of its seals, the oldest first, when it holds.

    `said` is what the newest of them found of DMARC.
    """

    result: ArcResult
    sealers: tuple[str, ...] = ()
    reason: str = ""
    sets: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Dmarc:
    """RFC 9989: whether the author's domain is proven, and what it asks for when it is not.

    `policy` is what is published, `disposition` what that comes to (t=y lowers it by one). `organisation` is the author's
    organisational domain.
    """

    result: DmarcResult
    author: str = ""
    policy: Disposition = "none"
    disposition: Disposition = "none"
    organisation: str = ""
    reason: str = ""
