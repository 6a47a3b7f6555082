"""asn1crypto, mended: the one place that imports it before anybody else does.

Version 1.5.1 takes a header that ends in octet 0x80 for one of indefinite length, although `04 82 01 80` is the definite length of an RSA
signature of 3,072 bits. It then encodes anew what it should hand on as it came: slowly, exponentially so with nesting, and a certificate
that it would write otherwise is judged by octets that nobody signed.
It also refuses names in which Arabic stands beside Latin letters or ends in a digit, where RFC 4518 §2.5 has nothing to check.
"""

import inspect
import textwrap
from functools import lru_cache, partial
from typing import Any

from asn1crypto import core, x509

WRONG = "self._header[-1:] == b'\\x80'"
RIGHT = f"len(self._header) == 2 and {WRONG}"
BIDI = "if has_r_and_al_cat:"
CACHED = 1024  # texts in names
PLACES = 5  # in 1.5.1, which pyproject.toml pins


class NotMended(RuntimeError):
    """This asn1crypto is another one than the mend was made for: nothing may be judged with it."""


def mend() -> None:
    """Put the test for an indefinite length right; once is enough. Raises NotMended."""
    if getattr(core, "_mended", False):
        return
    mended = sum(_mend(kind) for kind in vars(core).values() if isinstance(kind, type) and "dump" in vars(kind))
    if mended != PLACES:
        raise NotMended(f"{mended} places where {PLACES} belong")
    _mend_names()
    core._mended = True


def _mend(kind: type) -> bool:
    source = textwrap.dedent(inspect.getsource(vars(kind)["dump"]))
    if WRONG not in source:
        return False
    names: dict[str, object] = {}
    exec(compile(source.replace(WRONG, RIGHT), core.__file__, "exec"), vars(core), names)  # noqa: S102  (its own text, one test changed)
    kind.dump = names["dump"]  # type: ignore[attr-defined]
    return True


def _mend_names() -> None:
    """Let names be compared whatever scripts they mix. Raises NotMended."""
    source = textwrap.dedent(inspect.getsource(x509.NameTypeAndValue._ldap_string_prep))
    if source.count(BIDI) != 1:
        raise NotMended("names are prepared in another way")
    names: dict[str, Any] = {}
    exec(compile(source.replace(BIDI, "if False:"), x509.__file__, "exec"), vars(x509), names)  # noqa: S102  (its own text, one test less)
    prepared = lru_cache(CACHED)(partial(names["_ldap_string_prep"], None))  # by the text alone; a quarter of the time of a path
    x509.NameTypeAndValue._ldap_string_prep = lambda _, text: prepared(text)
