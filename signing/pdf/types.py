"""What is asked of the workers that touch PDF documents, and what they answer. Pure."""

from typing import Literal

import msgspec

Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]
LEVELS: tuple[Level, ...] = ("B-B", "B-T", "B-LT", "B-LTA")  # EN 319 142-1 §6.1, each holds the one before
Language = Literal["ar", "fr"]
Corner = Literal["bottom-left", "bottom-right", "top-left", "top-right"]
CORNERS: tuple[Corner, ...] = ("bottom-left", "bottom-right", "top-left", "top-right")
LAST_PAGE = -1
RESERVED_BYTES = 16_384  # of DER for a signature or a time stamp: ours take 3 to 6 KB, those of strangers up to 10


class Stamp(msgspec.Struct, frozen=True):
    """What people see on the page. Empty texts leave their line out; `formula` says by which delegation."""

    language: Language
    name: str
    function: str = ""
    organisation: str = ""
    formula: str = ""
    moment: str = ""
    serial: str = ""
    code: str = ""  # what the QR code holds
    fonts: str = ""  # the directory of the fonts
    corner: Corner | Literal[""] = ""  # "" where such stamps stand: on the left in Arabic, on the right in French
    page: int = LAST_PAGE  # from 0


class Plan(msgspec.Struct, frozen=True):
    """A signature to be made room for. `digest` is how the certificate's key signs."""

    at_us: int
    digest: Literal["sha256", "sha384"] = "sha256"
    reason: str = ""
    stamp: Stamp | None = None


class Prepared(msgspec.Struct, frozen=True):
    """A document with room for a signature or a time stamp; `refused` says why there is none, a key of `REFUSALS`.

    The room, from `start` to `end`, holds hexadecimal digits between angle brackets; `digest` covers everything else.
    """

    pdf: bytes = b""
    digest: bytes = b""
    start: int = 0
    end: int = 0
    refused: str = ""
    said: str = ""  # in the words of the library, for the log


class Kept(msgspec.Struct, frozen=True):
    """What keeps signatures of a document verifiable: certificates, revocation lists, OCSP answers, DER each."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """What is trusted and known when the signatures of a document are judged: DER each."""

    at_us: int
    roots: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """One signature of a document and what it is worth. `reason_key` finds words in `signing.reasons.REASONS`.

    `said` are the words of the library, for the log and for experts. `whole`: nothing was added after it but what keeps it verifiable.
    """

    field: str
    status: Literal["valid", "invalid", "undecided"]
    code: str
    reason_key: str
    said: str = ""
    level: str = ""
    name: str = ""
    organisation: str = ""
    address: str = ""
    serial: str = ""
    claimed_us: int | None = None
    proven_us: int | None = None
    whole: bool = True
    certificate: bytes = b""
    chain: tuple[bytes, ...] = ()  # it and the others that came with it and with its time stamps


class Judged(msgspec.Struct, frozen=True):
    """Every signature of a document, first one first; `refused` when it could not be read."""

    signatures: tuple[Signature, ...] = ()
    refused: str = ""


REFUSALS = {
    "damaged": "this is not a PDF document, or it is damaged",
    "encrypted": "this PDF is encrypted: it can be signed only without its password",
    "locked": "an earlier signature of this PDF allows no further one",
    "no_page": "this PDF has no such page",
    "no_font": "the fonts of the stamp are missing: install the Debian package fonts-noto-core",
    "too_many": "this PDF holds too many signatures",
    "too_large": "this PDF is larger than 20 MB",
    "no_room": "the page has no room for the stamp: choose another page or corner",
}
