"""Each file of Wycheproof is run, or says here why it is not: no primitive that comes into use is forgotten."""

from fnmatch import fnmatch

import pytest

from tests.wycheproof import test_decrypting, test_forms, test_signatures, vectors

RUN = {
    *test_signatures.FILES,
    *test_signatures.WEAK,
    *test_signatures.MADE,
    *test_forms.TOKENS,
    *test_forms.CURVES,
    *test_decrypting.READ,
    *test_decrypting.PASSED_OVER,
    *("rsa_pkcs1_2048", "rsa_pkcs1_3072", "rsa_pkcs1_4096", "ed25519", "aes_gcm", "aes_wrap", "hkdf_sha256"),
    *(f"ecdh_secp{size}r1{form}" for size in (256, 384) for form in ("", "_ecpoint")),
}
NOT_RUN = {
    "*_sha3_*": "SHA-3 is in no signature here",
    "*_sha224*": "nor is SHA-224,",
    "*_sha512_2??*": "nor a part of SHA-512",
    "*secp224r1*": "a curve of 224 bits is refused: run for ECDSA",
    "ecdh_secp256k1*": "keys that decrypt are of P-256, P-384 and RSA",
    "ecdh_secp521r1*": "keys that decrypt are of P-256, P-384 and RSA: what others read is not ours to decrypt",
    "ecdh_*_pem": "the same keys as in ecdh_*, with lines around them: no letter has such",
    "ecdsa_*_p1363": "two numbers side by side are read of P-256 with SHA-256 and, in tokens, of P-384 with SHA-384",
    "ecdsa_secp192r1_sha256_p1363": "a curve of 192 bits is refused",
    "ecdsa_secp256k1_sha256_bitcoin": "Bitcoin refuses one of two signatures that are both right",
    "rsa_pss_*": "PSS is read in tokens only: SHA-256, a salt of 32 octets",
    "dsa_*": "DSA is refused: run for one key",
    "ed448": "Ed448 is nowhere",
    "x25519*": "X25519 is that of OpenPGP, which GnuPG does, and of TLS, which OpenSSL does",
    "x448*": "X448 is nowhere",
    "mldsa_*": "nothing is signed with ML-DSA yet,",
    "mlkem_*": "nor encrypted with ML-KEM,",
    "HPKE*": "nor with HPKE",
    "hkdf_*": "HKDF is made of SHA-256 here",
    "aead_aes_siv_cmac": "of the modes of AES, GCM and CBC are used; of CBC there are no vectors",
    "aes_*": "of the modes of AES, GCM and CBC are used; of CBC there are no vectors",
    "*chacha20_*": "ChaCha20 is that of TLS, which OpenSSL does",
}


def test_each_file_is_run_or_says_why_not() -> None:
    assert vectors.PLACES.keys() >= RUN
    left = vectors.PLACES.keys() - RUN
    assert [name for name in sorted(left) if not any(fnmatch(name, pattern) for pattern in NOT_RUN)] == []


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_no_reason_is_left_over(pattern: str) -> None:
    assert any(fnmatch(name, pattern) for name in vectors.PLACES.keys() - RUN)
