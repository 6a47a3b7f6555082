import itertools
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import shamir


def test_the_field_is_that_of_aes() -> None:
    assert shamir.times(0x57, 0x83) == 0xC1  # FIPS 197 §4.2
    assert shamir.times(0x57, 0x13) == 0xFE  # FIPS 197 §4.2.1
    for a in range(256):
        assert shamir.times(a, 1) == a
        assert a == 0 or shamir.times(a, shamir.over(1, a)) == 1


def test_shares_of_a_polynomial_that_was_counted_by_hand() -> None:
    assert shamir.split(b"\x02", 3, 2, b"\x03") == {1: b"\x01", 2: b"\x04", 3: b"\x07"}  # 2 + 3x


@pytest.mark.parametrize(("shares", "needed"), [(2, 2), (3, 2), (5, 3), (6, 6)])
def test_any_that_are_enough_bring_it_back_and_one_less_does_not(shares: int, needed: int) -> None:
    secret = os.urandom(32)
    made = shamir.split(secret, shares, needed, os.urandom(32 * (needed - 1)))
    for some in itertools.combinations(made, needed):
        assert shamir.join({place: made[place] for place in some}) == secret
    for some in itertools.combinations(made, needed - 1):
        assert needed == 2 or shamir.join({place: made[place] for place in some}) != secret


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=64), st.integers(2, 20), st.data())
def test_what_is_split_comes_back(secret: bytes, shares: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(2, shares))
    made = shamir.split(secret, shares, needed, random.Random(1).randbytes(len(secret) * (needed - 1)))
    some = data.draw(st.permutations(list(made)))[:needed]
    assert shamir.join({place: made[place] for place in some}) == secret


def test_too_few_say_nothing() -> None:
    """With one share of two, every secret is as likely as any other: each is that of exactly one polynomial."""
    found = {shamir.join({1: b"\x2a", 2: bytes((guess,))}) for guess in range(256)}
    assert len(found) == 256


@pytest.mark.parametrize(("shares", "needed", "size"), [(1, 1, 0), (3, 1, 0), (2, 3, 64), (256, 2, 32), (3, 2, 31)])
def test_what_cannot_be_is_refused(shares: int, needed: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"shares|length"):
        shamir.split(bytes(32), shares, needed, bytes(size))


@pytest.mark.parametrize("shares", [{}, {1: b"a"}, {1: b"a", 2: b"bb"}, {0: b"a", 1: b"b"}, {1: b"a", 256: b"b"}])
def test_shares_that_do_not_belong_together_are_refused(shares: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="belong"):
        shamir.join(shares)
