import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from config.clock import ManualClock
from signing import keyring
from signing.activation import activation
from signing.book import Book
from signing.errors import BadSecret, KeyExists, NoSuchKey, NotActivated, SigningRefused
from signing.keyring import Keyring
from signing.service import Service
from signing.vault import Damaged

DIGEST = bytes(range(32))


@pytest.fixture
def ring(tmp_path: Path, clock: ManualClock) -> Keyring:
    return Keyring(tmp_path, clock)


@pytest.mark.parametrize(("kind", "size", "method"), [("p256", 32, hashes.SHA256()), ("p384", 48, hashes.SHA384())])
def test_a_key_signs_digests_of_its_own_length(ring: Keyring, kind: str, size: int, method: hashes.HashAlgorithm) -> None:
    public = serialization.load_der_public_key(ring.generate("k", kind, activated=False))
    public.verify(ring.sign("k", bytes(size)), bytes(size), ec.ECDSA(utils.Prehashed(method)))
    with pytest.raises(SigningRefused):
        ring.sign("k", bytes(80 - size))


def test_a_key_survives_a_restart_and_is_made_once(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    public = ring.generate("k", "p256", activated=False)
    with pytest.raises(KeyExists):
        ring.generate("k", "p256", activated=False)
    assert Keyring(tmp_path, clock).public("k") == public


def test_the_node_key_signs_nothing_and_cannot_be_replaced(ring: Keyring) -> None:
    with pytest.raises(NoSuchKey):
        ring.sign("node", DIGEST)
    with pytest.raises(SigningRefused):
        ring.generate("node", "p256", activated=False)


def test_only_the_most_used_keys_stay_open(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "MAX_OPEN_KEYS", 2)
    publics = {name: ring.generate(name, "p256", activated=False) for name in "abc"}
    assert {name: ring.public(name) for name in "abcabc"} == publics
    assert len(ring._open) == 2


def test_secrets_unwrap_on_this_node_only(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    wrapped, secret, other_wrapped, other_secret = ring.new_secrets(2)
    assert ring.unwrap([other_wrapped, wrapped]) == [other_secret, secret]
    assert len(secret) == 32
    assert secret not in wrapped
    assert Keyring(tmp_path, clock).unwrap([wrapped]) == [secret]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(BadSecret):
        Keyring(elsewhere, clock).unwrap([wrapped])


def test_a_damaged_secret_is_refused(ring: Keyring) -> None:
    wrapped = ring.new_secrets(1)[0]
    for broken in (b"", wrapped[:-1], b"\2" + wrapped[1:], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), wrapped + b"x"):
        with pytest.raises(BadSecret):
            ring.unwrap([broken])


def test_an_activation_is_used_once_across_a_restart_too(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    secret = (tmp_path / "activation.key").read_bytes()
    ring.generate("k", "p256", activated=True)
    token = activation(secret, "k", DIGEST, "sign", clock.now_us() + 60_000_000, b"n" * 16)
    ring.record(ring.claim("k", DIGEST, "sign", token))
    for again in (ring, Keyring(tmp_path, clock)):
        with pytest.raises(NotActivated):
            again.claim("k", DIGEST, "sign", token)


def test_used_activations_are_forgotten_once_they_have_expired(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    secret = (tmp_path / "activation.key").read_bytes()
    ring.record(ring.claim("k", DIGEST, "", activation(secret, "k", DIGEST, "", clock.now_us() + 1000, b"n" * 16)))
    clock.advance(1000)
    Keyring(tmp_path, clock)
    assert (tmp_path / "activations.used").read_bytes() == b""


def test_signatures_are_counted_across_a_restart(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    ring.generate("k", "p256", activated=False)
    for _ in range(3):
        ring.sign("k", DIGEST)
    ring.counts.flush(ring.counts.take())
    again = Keyring(tmp_path, clock)
    again.sign("k", DIGEST)
    assert again.counts.totals == {"k": 4}


async def test_counts_that_a_full_disk_does_not_take_wait_and_end_nothing(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    ring.generate("k", "p256", activated=False)
    ring.sign("k", DIGEST)
    (tmp_path / "signatures.count").rename(tmp_path / "aside")
    (tmp_path / "signatures.count").mkdir()
    service = Service(ring, Book(tmp_path, clock), clock, asyncio.TaskGroup())
    await service.flush()
    (tmp_path / "signatures.count").rmdir()
    await service.close()
    assert Keyring(tmp_path, clock).counts.totals == {"k": 1}


def test_keys_do_not_open_with_another_storage_key(ring: Keyring, tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "storage.key").write_bytes(bytes(32))
    with pytest.raises(Damaged):
        Keyring(tmp_path, clock)
