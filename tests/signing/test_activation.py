import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.activation import MAX_LIFETIME_US, TOKEN_BYTES, activation, check
from signing.errors import NotActivated

SECRET, KEY, DIGEST, PURPOSE, NONCE = b"s" * 32, "p1", bytes(32), "sign", b"n" * 16
NOW_US, EXPIRES_US = 1_000_000_000, 1_000_000_000 + 60_000_000
TOKEN = activation(SECRET, KEY, DIGEST, PURPOSE, EXPIRES_US, NONCE)


def test_a_genuine_token_tells_its_nonce_and_end() -> None:
    activated = check(SECRET, TOKEN, KEY, DIGEST, PURPOSE, NOW_US)
    assert (activated.nonce, activated.expires_us) == (NONCE, EXPIRES_US)


@pytest.mark.parametrize(
    ("secret", "key_id", "digest", "purpose", "now_us"),
    [
        (b"t" * 32, KEY, DIGEST, PURPOSE, NOW_US),
        (SECRET, "p2", DIGEST, PURPOSE, NOW_US),
        (SECRET, KEY, b"\1" * 32, PURPOSE, NOW_US),
        (SECRET, KEY, DIGEST, "seal", NOW_US),
        (SECRET, KEY, DIGEST, PURPOSE, EXPIRES_US),
        (SECRET, KEY, DIGEST, PURPOSE, EXPIRES_US - MAX_LIFETIME_US - 1),
    ],
)
def test_a_token_is_good_for_one_thing_at_one_time(secret: bytes, key_id: str, digest: bytes, purpose: str, now_us: int) -> None:
    with pytest.raises(NotActivated):
        check(secret, TOKEN, key_id, digest, purpose, now_us)


@given(st.integers(0, TOKEN_BYTES - 1), st.integers(1, 255))
def test_no_octet_of_a_token_can_change(position: int, flip: int) -> None:
    changed = bytearray(TOKEN)
    changed[position] ^= flip
    with pytest.raises(NotActivated):
        check(SECRET, bytes(changed), KEY, DIGEST, PURPOSE, NOW_US)


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_no_token(token: bytes) -> None:
    with pytest.raises(NotActivated):
        check(SECRET, token, KEY, DIGEST, PURPOSE, NOW_US)


def test_a_nonce_has_its_length() -> None:
    with pytest.raises(ValueError):
        activation(SECRET, KEY, DIGEST, PURPOSE, EXPIRES_US, b"short")
