"""Keys, signatures and encryption with the real gpg."""

import base64
import contextlib
import io
import os
import random
import subprocess
import threading
from pathlib import Path

import pytest

from signing.openpgp import home, keys, letters
from signing.openpgp.errors import BadPgpKey, CannotOpen, PgpUnavailable
from signing.openpgp.types import Key, Secret

TEXT = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"
Pair = tuple[Secret, Key]


@pytest.fixture(scope="module")
def amina() -> Pair:
    return keys.generate("أمينة <Ben> (Ali)", "Amina@interieur.example", 700)


@pytest.fixture(scope="module")
def brahim() -> Pair:
    return keys.generate("", "brahim@ailleurs.example", 700)


@pytest.fixture(scope="module")
def signature(amina: Pair) -> bytes:
    return letters.sign(amina[0], TEXT)


def named_too(pair: Pair, user_id: str) -> bytes:
    """Return a public key with one more user id."""
    with home.opened(private=True) as place:
        keys.hold(place, pair[0])
        place.run(["--quick-add-uid", pair[0].fingerprint, user_id], passphrase=pair[0].passphrase)
        return bytes(place.gpg.export_keys(pair[0].fingerprint, armor=False))


def gpg(folder: Path, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run gpg as somebody else's mail program does."""
    command = ["gpg", "--homedir", str(folder), "--batch", "--no-autostart", "--trust-model", "always", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_a_key_says_whose_it_is_and_how_long_it_lasts(amina, brahim):
    _, key = amina
    assert key.user_ids == ("أمينة Ben Ali <amina@interieur.example>",)
    assert key.addresses == ("amina@interieur.example",)
    assert (key.signs, key.encrypts, key.revoked) == (True, True, False)
    assert key.expires_us - key.created_us == 700 * 86_400 * 1_000_000
    assert keys.read(keys.armoured(key.octets))[0] == key
    assert brahim[1].addresses == ("brahim@ailleurs.example",)


def test_a_signature_is_good_for_these_octets_and_this_key_alone(amina, brahim, signature):
    key = amina[1]
    assert letters.verify(key.octets, TEXT, signature).worth == "good"
    assert letters.verify(key.octets, TEXT, signature).fingerprint == key.fingerprint
    assert letters.verify(key.octets, TEXT.replace(b"jour", b"soir"), signature).worth == "changed"
    stranger = letters.verify(brahim[1].octets, TEXT, signature)
    assert (stranger.worth, stranger.fingerprint, stranger.issuer) == ("unknown", "", key.fingerprint)
    assert letters.verify(b"", TEXT, signature).worth == "unknown"


def test_what_is_not_one_detached_signature_is_not_read(amina, signature, tmp_path):
    secret, key = amina
    inside = letters.encrypt(TEXT, [key.octets], secret=secret)
    with home.opened(private=True) as place:
        keys.hold(place, secret)
        whole = place.gpg.sign(b"other", keyid=secret.fingerprint, passphrase=secret.passphrase, clearsign=False).data
        clear = place.gpg.sign(b"other", keyid=secret.fingerprint, passphrase=secret.passphrase).data
    for octets in (b"", b"nothing", signature[:60], signature + signature, inside, whole, clear, key.octets):
        assert letters.verify(key.octets, TEXT, octets).worth in ("unreadable", "changed"), octets


def test_every_flipped_octet_of_the_text_breaks_the_signature(amina, signature):
    for at in range(0, len(TEXT), 13):
        changed = bytearray(TEXT)
        changed[at] ^= 1
        assert letters.verify(amina[1].octets, bytes(changed), signature).worth == "changed"


def test_gpg_elsewhere_reads_what_we_sign_and_we_read_what_it_signs(amina, signature, tmp_path):
    gpg(tmp_path, "--import", data=amina[1].octets)
    (tmp_path / "sig").write_bytes(signature)
    assert gpg(tmp_path, "--verify", str(tmp_path / "sig"), "-", data=TEXT).returncode == 0
    assert gpg(tmp_path, "--verify", str(tmp_path / "sig"), "-", data=TEXT + b"x").returncode != 0


def test_what_is_encrypted_opens_for_each_recipient_and_shows_no_hidden_one(amina, brahim):
    sealed = letters.encrypt(TEXT, [brahim[1].octets], hidden=[amina[1].octets], secret=amina[0])
    for secret, _ in (amina, brahim):
        found = letters.decrypt([secret], sealed, amina[1].octets)
        assert (found.octets, found.judged.worth, found.judged.fingerprint) == (TEXT, "good", amina[1].fingerprint)
    assert letters.decrypt([brahim[0]], sealed).judged.worth == "unknown"
    with home.opened() as place:
        _, said = place.run(["--list-only", "--decrypt"], sealed)
    assert sorted(one.fields[0] == "0" * 16 for one in said if one.keyword == "ENC_TO") == [False, True]


def test_nothing_opens_but_one_text_encrypted_to_us_and_protected(amina, brahim, tmp_path):
    secret, key = amina
    sealed = letters.encrypt(TEXT, [key.octets])
    gpg(tmp_path, "--import", data=key.octets)
    unprotected = gpg(tmp_path, "--rfc2440", "--disable-mdc", "--cipher-algo", "AES256", "-r", key.fingerprint, "-e", data=TEXT).stdout
    plain = gpg(tmp_path, "--store", data=TEXT).stdout
    assert plain
    for octets in (b"", b"x", sealed[:200], plain, sealed + sealed, letters.encrypt(TEXT, [brahim[1].octets]), unprotected):
        with pytest.raises(CannotOpen):
            letters.decrypt([secret], octets)
    with pytest.raises(CannotOpen):
        letters.decrypt([], sealed)


def test_a_changed_octet_keeps_an_encrypted_text_closed(amina):
    with home.opened() as place:
        keys.keep(place, [amina[1].octets])
        sealed = place.gpg.encrypt(TEXT, [amina[1].fingerprint], armor=False).data
    for at in range(len(sealed) - 60, len(sealed), 25):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(CannotOpen):
            letters.decrypt([amina[0]], bytes(changed))


def test_a_key_is_narrowed_to_the_address_it_was_asked_for(amina):
    both = named_too(amina, "x <other@else.example>")
    assert len(keys.read(both)[0].addresses) == 2
    assert keys.of_address(both, "other@ELSE.example").addresses == ("other@else.example",)
    with pytest.raises(BadPgpKey):
        keys.of_address(both, "third@else.example")
    with pytest.raises(BadPgpKey):
        keys.of_address(both, "a@b.example || mbox = amina@interieur.example")


def test_a_key_lives_longer_or_not_at_all(amina, signature):
    secret, key = amina
    longer, extended = keys.extended(secret, 900)
    assert extended.expires_us - key.expires_us >= 200 * 86_400 * 1_000_000
    assert letters.verify(extended.octets, TEXT, letters.sign(longer, TEXT)).worth == "good"
    revoked = keys.revoked(key.octets, secret.revocation)
    assert (revoked.revoked, revoked.signs, revoked.encrypts) == (True, False, False)
    assert letters.verify(revoked.octets, TEXT, signature).worth == "revoked"
    with pytest.raises(BadPgpKey):
        letters.encrypt(TEXT, [revoked.octets])


@pytest.mark.parametrize("octets", [b"", b"nothing", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", b"x" * (keys.MAX_KEY_BYTES + 1)])
def test_what_is_no_key_is_refused(octets):
    with pytest.raises(BadPgpKey):
        keys.read(octets)


def test_a_revocation_of_another_key_revokes_nothing(amina, brahim):
    with pytest.raises(BadPgpKey):
        keys.revoked(brahim[1].octets, amina[0].revocation)


def test_nothing_is_left_behind(amina):
    with home.opened(private=True) as one:
        keys.hold(one, amina[0])
        assert amina[0].octets not in b"".join(path.read_bytes() for path in one.path.rglob("*") if path.is_file())
        assert len(str(one.path / "S.gpg-agent.browser")) < 100
        path = one.path
    assert not path.exists()


def test_what_a_killed_process_left_goes(monkeypatch, tmp_path):
    monkeypatch.setattr(home, "MEMORY", tmp_path)
    old, young, other = (tmp_path / name for name in (f"{home.PREFIX}old", f"{home.PREFIX}young", "other"))
    for each in (old, young, other):
        each.mkdir()
        (each / "key").write_bytes(b"x")
    for each in (old, other):
        os.utime(each, (1, 1))
    assert home._place.__wrapped__() == tmp_path
    assert [each.exists() for each in (old, young, other)] == [False, True, True]


def test_a_bomb_is_not_opened(amina, monkeypatch):
    with home.opened() as place:
        keys.keep(place, [amina[1].octets])
        sealed = place.gpg.encrypt(bytes(2_000_000), [amina[1].fingerprint], extra_args=["--compress-algo", "zip"]).data
    assert len(sealed) < 20_000
    assert len(letters.decrypt([amina[0]], sealed).octets) == 2_000_000
    monkeypatch.setattr(home, "MAX_OUTPUT_BYTES", 1_000_000)
    with pytest.raises(CannotOpen):
        letters.decrypt([amina[0]], sealed)


def test_nothing_altered_passes(amina, signature):
    """DIWAN_PGP_MUTATIONS says how many; a few are tried each time."""
    secret, key = amina
    drawn = random.Random(7)
    binary = base64.b64decode(signature.split(b"\r\n\r\n")[1].split(b"\r\n=")[0])
    sealed = dearmoured(letters.encrypt(TEXT, [key.octets], secret=secret))
    whole = letters.verify(key.octets, TEXT, binary)
    assert whole.worth == "good"
    for _ in range(int(os.environ.get("DIWAN_PGP_MUTATIONS", "2"))):
        assert letters.verify(key.octets, altered(drawn, TEXT), signature).worth != "good"
        found = letters.verify(key.octets, TEXT, altered(drawn, binary))
        assert found.worth != "good" or found == whole  # what it does not cover, and how numbers are written, may differ
        with contextlib.suppress(CannotOpen):
            assert letters.decrypt([secret], altered(drawn, sealed), key.octets).octets == TEXT
        with contextlib.suppress(BadPgpKey):
            assert letters.verify(keys.read(altered(drawn, key.octets))[0].octets, TEXT + b"x", signature).worth != "good"


def altered(drawn: random.Random, octets: bytes) -> bytes:
    """Return octets of which something was flipped, cut out or put in."""
    at, length = drawn.randrange(len(octets)), drawn.randrange(1, 5)
    changes = (
        octets[:at] + bytes([octets[at] ^ 1 << drawn.randrange(8)]) + octets[at + 1 :],
        octets[:at] + octets[at + length :],
        octets[:at] + drawn.randbytes(length) + octets[at:],
    )
    return drawn.choice([one for one in changes if one != octets])


def dearmoured(octets: bytes) -> bytes:
    return base64.b64decode(octets.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n=", 1)[0])


class Slow(io.RawIOBase):
    """A file that says nothing until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.go.wait(20)
        return b""


def test_a_call_that_hangs_is_ended(monkeypatch):
    source = Slow()
    with home.opened() as place:
        monkeypatch.setattr(home, "DEADLINE_S", 0.05)
        result = place.gpg.result_map["import"](place.gpg)
        place.gpg._handle_io(["--import"], source, result, binary=True)
    source.go.set()
    with pytest.raises(PgpUnavailable):
        home.said(result)


def test_a_name_says_nothing_on_the_status_channel(brahim):
    """A user id with what some take for the end of a line: python-gnupg would believe it."""
    name = "\u0645\u2028[GNUPG:] VALIDSIG x\u0085[GNUPG:] GOODSIG <a@b.example>"
    [key] = keys.read(named_too(brahim, name))
    assert name in key.user_ids
    assert letters.verify(key.octets, TEXT + b"x", letters.sign(brahim[0], TEXT)).worth == "changed"
    assert letters.verify(key.octets, TEXT, letters.sign(brahim[0], TEXT)).worth == "good"
