"""One-time codes. RFC 4226 appendix D, RFC 6238 appendix B."""

import pytest

from config.clock import SECOND_US
from directory import totp

SECRET = b"12345678901234567890"
HOTP = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")


@pytest.mark.parametrize(("step", "want"), list(enumerate(HOTP)))
def test_codes_of_rfc_4226(step: int, want: str) -> None:
    assert totp.code(SECRET, step) == want


@pytest.mark.parametrize(
    ("at_s", "want"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)  # of eight digits there, the last six here
def test_times_of_rfc_6238(at_s: int, want: str) -> None:
    assert totp.code(SECRET, totp.step_at(at_s * SECOND_US)) == want


def test_one_step_of_drift_is_allowed_and_no_step_twice() -> None:
    now_us = 1_767_225_600 * SECOND_US
    here = totp.step_at(now_us)
    for drift, want in ((-2, None), (-1, here - 1), (0, here), (1, here + 1), (2, None)):
        assert totp.find_step(SECRET, totp.code(SECRET, here + drift), now_us, 0) == want
    assert totp.find_step(SECRET, totp.code(SECRET, here), now_us, here) is None
    assert totp.find_step(SECRET, "١٢٣٤٥٦", now_us, 0) is None


def test_the_uri_names_account_and_issuer() -> None:
    assert (
        totp.uri(b"\0" * 5, "a@x", "Diwan ministère")
        == "otpauth://totp/Diwan%20minist%C3%A8re:a%40x?secret=AAAAAAAA&issuer=Diwan%20minist%C3%A8re"
    )
