"""What a signature of OpenPGP is worth, in the reader's words. It is never an official signature, whatever the key."""

from dataclasses import dataclass

from mailcore.openpgp.letters import Reading
from mailcore.openpgp.pins import Pin
from webmail.errors import N_
from webmail.language import gettext as _

GROUP = 4  # digits of a fingerprint, as people read it to each other


@dataclass(frozen=True, slots=True)
class Words:
    """A verdict. `tone` is good, bad or unsure."""

    tone: str
    title: str
    advice: str


ASK = N_("Ask the sender before you act on it.")
COMPARE = N_("Compare the fingerprint with the sender, by telephone for instance, before you trust this key.")
VERDICTS: dict[str, tuple[str, str, str]] = {
    "good": ("good", N_("Signed with the OpenPGP key that is known for this address"), ""),
    "brought": ("unsure", N_("Signed with an OpenPGP key that came with the letter: anybody could have made it"), COMPARE),
    "changed": ("bad", N_("OpenPGP signature not valid: the text was changed after signing"), N_("Do not use it; ask for it again.")),
    "expired": ("unsure", N_("The OpenPGP key of this signature has run out"), ASK),
    "revoked": ("bad", N_("The OpenPGP key of this signature was revoked by its owner"), N_("Do not rely on it; ask the sender.")),
    "weak": ("unsure", N_("This OpenPGP signature was made by a method that is no longer held safe"), ASK),
    "unknown": ("unsure", N_("Signed with an OpenPGP key that is not known here"), N_("Treat the message as unsigned.")),
    "other": ("bad", N_("Signed with another OpenPGP key than the one that is known for this address"), ASK),
    "unreadable": ("unsure", N_("This OpenPGP signature cannot be read"), N_("Treat the message as unsigned.")),
    "none": ("unsure", N_("Nobody has signed this encrypted letter"), ASK),
}
SOURCES = {
    "directory": N_("from the directory of the sender's domain"),
    "letter": N_("from a letter, kept by you"),
    "operator": N_("confirmed by the administration"),
}


def words(found: Reading) -> Words:
    """Return what a signature is worth: by the key that is known, or by one that merely came along."""
    tone, title, advice = VERDICTS[_case(found)]
    return Words(tone, _(title), _(advice) if advice else "")


def _case(found: Reading) -> str:
    if found.judged.worth == "unknown":
        return "other" if found.pin is not None else "unknown"
    return "brought" if found.judged.worth == "good" and found.pin is None else found.judged.worth


def source(pin: Pin) -> str:
    """Say where a key that is known comes from."""
    return _(SOURCES[pin.source])


def grouped(fingerprint: str) -> str:
    """Return a fingerprint or key id in groups of four digits."""
    return " ".join(fingerprint[at : at + GROUP] for at in range(0, len(fingerprint), GROUP))
