"""A secret in n shares, of which any k bring it back and k - 1 say nothing: Shamir, "How to share a secret" (CACM 22, 1979), pure.

Octet by octet over GF(2^8) with the polynomial of AES (FIPS 197 §4.2): the secret is the value at 0 of a polynomial of degree k - 1
whose other coefficients are random, a share its value elsewhere.
"""

from collections.abc import Iterable, Mapping

MOST = 255  # places that the field has besides 0
_REDUCED = 0x11B  # x^8 + x^4 + x^3 + x + 1


def _tables() -> tuple[bytes, bytes]:
    """Return powers of the generator x + 1, twice in a row, and logarithms."""
    powers, logarithms, value = bytearray(510), bytearray(256), 1
    for exponent in range(MOST):
        powers[exponent] = powers[exponent + MOST] = value
        logarithms[value] = exponent
        value ^= value << 1  # times the generator
        if value > MOST:
            value ^= _REDUCED
    return bytes(powers), bytes(logarithms)


_POWERS, _LOGARITHMS = _tables()


def times(a: int, b: int) -> int:
    """Return the product of two elements."""
    return _POWERS[_LOGARITHMS[a] + _LOGARITHMS[b]] if a and b else 0


def over(a: int, b: int) -> int:
    """Return the quotient of two elements; `b` is not 0."""
    return _POWERS[_LOGARITHMS[a] + MOST - _LOGARITHMS[b]] if a else 0


def split(secret: bytes, shares: int, needed: int, randomness: bytes) -> dict[int, bytes]:
    """Return shares by their places, 1 to `shares`; `needed` of them bring the secret back.

    `randomness` is (needed - 1) times as long as the secret, fresh. Raises ValueError.
    """
    if not 2 <= needed <= shares <= MOST:
        raise ValueError(f"{needed} of {shares} shares cannot be")
    size = len(secret)
    if len(randomness) != (needed - 1) * size:
        raise ValueError("randomness of another length")
    rows = [randomness[row * size : (row + 1) * size] for row in range(needed - 1)]
    return {place: bytes(_value([secret[i], *(row[i] for row in rows)], place) for i in range(size)) for place in range(1, shares + 1)}


def join(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret of shares by their places; too few, or of several secrets, give something else. Raises ValueError."""
    sizes = {len(octets) for octets in shares.values()}
    if len(shares) < 2 or len(sizes) != 1 or not all(1 <= place <= MOST for place in shares):
        raise ValueError("shares that do not belong together")
    weights = {place: _weight(place, list(shares)) for place in shares}
    return bytes(_sum(times(weights[place], octets[i]) for place, octets in shares.items()) for i in range(sizes.pop()))


def _value(coefficients: list[int], place: int) -> int:
    """Return the value of a polynomial, by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = times(value, place) ^ coefficient
    return value


def _weight(place: int, places: list[int]) -> int:
    """Return what the share at a place counts for at 0 (Lagrange)."""
    weight = 1
    for other in places:
        if other != place:
            weight = times(weight, over(other, other ^ place))
    return weight


def _sum(terms: Iterable[int]) -> int:
    total = 0
    for term in terms:
        total ^= term
    return total
