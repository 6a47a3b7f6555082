"""What keys are made of."""

import hmac

from hypothesis import example, given
from hypothesis import strategies as st

from mailcore.store.keys import hmac_sha256


@given(st.binary(max_size=64), st.binary(max_size=200))
@example(b"\x0b" * 20, b"Hi There")
@example(b"", b"")
def test_our_hmac_is_the_one_of_the_library(key: bytes, message: bytes) -> None:
    assert hmac_sha256(key, message) == hmac.digest(key, message, "sha256")
