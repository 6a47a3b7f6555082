"""Settings of evidence: of which letters it is kept, how often it is sealed, who witnesses it."""

import re
from typing import Literal

from config.section import Section

_KEY = r"[^\s+]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"  # name, identifier, Ed25519 key: signed-note of C2SP
_WITNESS = re.compile(rf"{_KEY}( https?://\S+)?")
_LOG = re.compile(_KEY)
MAX_WITNESSES = 99  # a note has 100 signatures at most, and one is the log's own


class Evidence(Section, frozen=True, forbid_unknown_fields=True):
    """The log of what happened to letters."""

    cover: Literal["all", "official", "none"] = "all"  # official: signed letters and those written in the name of another
    every_s: int = 10  # between two checkpoints
    policy: str = ""  # address of the rules under which evidence is kept; "": policy.txt beside the node's log
    witnesses: tuple[str, ...] = ()  # who cosigns our checkpoints: key, then where it answers, nothing when files are carried
    logs: tuple[str, ...] = ()  # keys of the logs that this node is a witness of

    def __post_init__(self) -> None:
        if self.every_s < 1:
            raise ValueError("Expected seconds, 1 or more - at `$.every_s`")
        for name, form, wanted in (("witnesses", _WITNESS, "a key, a blank and an address"), ("logs", _LOG, "a key")):
            for one in getattr(self, name):
                if not form.fullmatch(one):
                    raise ValueError(f"Expected {wanted} as `diwan evidence key` prints it, got `{one}` - at `$.{name}`")
        if len(self.witnesses) > MAX_WITNESSES:
            raise ValueError(f"Expected at most {MAX_WITNESSES} witnesses - at `$.witnesses`")
