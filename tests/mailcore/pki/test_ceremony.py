"""Key ceremonies as people hold them: typed names, shares in files, a node below the root, and openssl to check all of it."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.errors import MailError
from mailcore.pki import ceremony
from signing import escrow, shamir
from signing.vault import Header, Vault, replace
from tests.command import Said, archives
from tests.command import diwan as whole

OPERATORS, WITNESSES = ("Hamid", "Leïla", "عمر"), ("Nadia", "Samir")
SEATS = [word for name in OPERATORS for word in ("--operator", name)] + [word for name in WITNESSES for word in ("--witness", name)]
TYPED = "".join(f"{name}\n" for name in (*OPERATORS, *WITNESSES))


def diwan(*words: str, typed: str = "") -> Said:
    return whole("ceremony", *words, typed=typed)


def openssl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=20, check=False)


def make(place: Path, *more: str, typed: str = TYPED, seats: Sequence[str] = SEATS) -> Said:
    return diwan("root", str(place), "--name", "Autorité racine", "--country", "DZ", *seats, *more, typed=typed)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that a ceremony has made, its shares still beside it."""
    place = tmp_path_factory.mktemp("ceremony") / "root"
    said = make(place, "--url", "http://pki.gov.example")
    assert said.returncode == 0, said.stderr
    return place


@pytest.fixture
def copied(place: Path, tmp_path: Path) -> Path:
    """The same, for harm."""
    subprocess.run(["cp", "-a", str(place), str(tmp_path / "root")], check=True)
    return tmp_path / "root"


def test_the_key_is_left_sealed_and_the_protocol_is_checked_by_openssl_alone(place: Path, tmp_path: Path) -> None:
    assert not (place / "keys" / "storage.key").exists()
    public = x509.load_pem_x509_certificate((place / "root.pem").read_bytes()).public_key()
    (tmp_path / "root.pub").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    words = ["dgst", "-sha384", "-verify", str(tmp_path / "root.pub"), "-signature", str(place / "protocol.sig")]
    assert openssl(*words, str(place / "protocol.jsonl")).stdout == "Verified OK\n"
    said = diwan("protocol", str(place), "--json")
    steps = [step["step"] for step in json.loads(said.stdout)]
    assert steps == ["begun", "root made", "list signed", "list signed", *["share given"] * 3]
    assert "operator عمر" in diwan("protocol", str(place)).stdout
    listed = openssl("crl", "-in", str(place / "root.crl"), "-inform", "DER", "-CAfile", str(place / "root.pem"), "-noout", "-verify")
    assert "verify OK" in listed.stderr


@pytest.mark.parametrize(
    ("seats", "typed", "said"),
    [
        (SEATS, "Hamid\nLeïla\nsomebody\n", "operator عمر has not confirmed: nothing was done"),
        (SEATS[:8], TYPED, "two witnesses"),
        ([*SEATS[:2], *SEATS[6:]], TYPED, "2 of 1 operators cannot be"),
        ([*SEATS, "--operator", "hamid "], TYPED, "everybody takes part once"),
    ],
)
def test_without_everybody_no_root_is_made(tmp_path: Path, seats: list[str], typed: str, said: str) -> None:
    refused = make(tmp_path / "root", seats=seats, typed=typed)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert not (tmp_path / "root" / "keys").exists()


def test_a_root_is_not_made_over_another(copied: Path) -> None:
    before = (copied / "root.pem").read_bytes()
    assert "is not empty" in make(copied).stderr
    assert (copied / "root.pem").read_bytes() == before


def test_a_changed_protocol_is_found(copied: Path) -> None:
    octets = (copied / "protocol.jsonl").read_bytes()
    (copied / "protocol.jsonl").write_bytes(octets.replace(b"Samir", b"Salim"))
    said = diwan("protocol", str(copied))
    assert (said.returncode, said.stderr) == (1, "diwan: the protocol is not as the root's key has signed it\n")


def certify(place: Path, request: Path, out: Path, *shares: Path) -> Said:
    given = [word for share in shares for word in ("--share", str(share))]
    return diwan("certify", str(place), str(request), *SEATS, *given, "--out", str(out), typed=TYPED)


def _cut_off(*_: object) -> None:
    raise MailError


def _served(node: Path) -> list[list[x509.Certificate]]:
    """Return certificates of a node with what travels beside them."""
    files = [node / "keys" / "tls" / "node.pem", node / "keys" / "authorities" / "tsa.pem"]
    with contextlib.closing(sqlite3.connect(node / "data" / "main.db")) as db:
        [(der, written)] = db.execute("SELECT der, chain FROM certificate LIMIT 1").fetchall()
    letters = [x509.load_der_x509_certificate(one) for one in (der, *msgspec.msgpack.decode(written, type=list[bytes]))]
    return [letters, *(x509.load_pem_x509_certificates(one.read_bytes()) for one in files)]


def test_a_node_goes_below_the_root_and_what_it_had_issued_stays_good(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = archives(tmp_path / "node").directory
    request, out = tmp_path / "request.pem", tmp_path / "made.pem"
    assert diwan("request", "--dir", str(node), "--out", str(request)).returncode == 0
    (tmp_path / "shares").mkdir()
    one, two, three = ((copied / "shares" / f"{n}.txt").rename(tmp_path / "shares" / f"{n}.txt") for n in (1, 2, 3))
    assert "2 different shares of this root are needed, these are 1" in certify(copied, request, out, one, one).stderr
    two.write_text(two.read_text().replace("octets: ", "octets: 0"))
    assert "share" in certify(copied, request, out, one, two).stderr
    assert not (copied / "keys" / "storage.key").exists()
    said = certify(copied, request, out, three, one)
    assert said.returncode == 0, said.stderr
    tls = (node / "keys" / "tls" / "node.pem").read_bytes()
    leaf, _ = x509.load_pem_x509_certificates(tls)
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    words = ["verify", "-x509_strict", "-CAfile", str(copied / "root.pem"), "-untrusted", str(out), str(tmp_path / "leaf.pem")]
    assert openssl(*words).stdout.endswith(": OK\n")
    installed = diwan("install", str(out), "--dir", str(node))
    assert "authorities are now below CN=Autorité racine,C=DZ" in installed.stdout, installed.stderr
    assert (copied / "root.pem").read_text() in (node / "keys" / "root.pem").read_text()
    taken = whole("crl", "take", str(copied / "root.crl"), str(copied / "root-delta.crl"), "--dir", str(node))
    assert taken.stdout.count("of root, good until") == 2, taken.stderr
    for number, served in enumerate(_served(node)):  # by the listeners, beside time stamps, beside letters
        (leaf, *chain), names = served, [str(tmp_path / f"{part}-{number}.pem") for part in ("leaf", "chain")]
        for name, some in zip(names, ([leaf], chain), strict=True):
            Path(name).write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in some))
        words = ["verify", "-purpose", "any", "-CAfile", str(copied / "root.pem"), "-untrusted", names[1], names[0]]
        assert openssl(*words).stdout.endswith(": OK\n")
    assert "of an earlier session" in certify(copied, request, out, three, one).stderr
    shutil.copy(copied / "protocol.sig", tmp_path)
    fresh = [copied / "shares" / f"{n}.txt" for n in (2, 3)]
    with monkeypatch.context() as patch:  # the power fails when the new shares are there and nothing is sealed under them
        patch.setattr(ceremony, "_reseal", _cut_off)
        assert certify(copied, request, out, *fresh).returncode == 1
    (copied / "protocol.sig").write_bytes(signed_before := (tmp_path / "protocol.sig").read_bytes())
    assert diwan("protocol", str(copied)).returncode == 1
    assert certify(copied, request, out, *fresh).returncode == 0
    assert signed_before != (copied / "protocol.sig").read_bytes()
    assert "cut off" in [step["step"] for step in json.loads(diwan("protocol", str(copied), "--json").stdout)]


def test_only_authorities_of_the_node_are_certified_and_installed(copied: Path, tmp_path: Path) -> None:
    shares = [copied / "shares" / "1.txt", copied / "shares" / "2.txt"]
    assert "only authorities that issue no others" in certify(copied, copied / "root.pem", tmp_path / "out", *shares).stderr
    (tmp_path / "none.pem").write_text("nothing")
    assert "no certificates in PEM" in certify(copied, tmp_path / "none.pem", tmp_path / "out", *shares).stderr
    assert escrow.share(shares[0].read_bytes()).needed == 2


FORMER, FRESH = bytes([1]) * 32, bytes([2]) * 32
CALLS = ("rename", "unlink", "rmdir", "fsync", "link", "replace", "mkdir")


class PowerCut(BaseException):
    """The end of everything between two calls of the system."""


def _half_sealed(place: Path) -> None:
    """A session that has come to its end but for what seals the keys anew."""
    Vault(place / "keys" / "private", FORMER).put(Header("root", "p384", False), b"the key")
    replace(place / "keys" / "storage.key", FORMER)
    for folder, secret in (("shares", FORMER), ("shares.new", FRESH)):
        (place / folder).mkdir()
        for number, octets in shamir.split(secret, 3, 2, bytes(32)).items():
            replace(place / folder / f"{number}.txt", escrow.written(escrow.Share("root", number, 2, octets), 3))


def _until(place: Path, calls: int) -> bool:
    """Seal anew, dead after so many calls of the system; say whether that was before the end."""
    left = [calls]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*values: object, **named: object) -> object:
            if not left[0]:
                raise PowerCut
            left[0] -= 1
            return real(*values, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            ceremony._reseal(place, FRESH)
            ceremony.finish(place)
        except PowerCut:
            return True
    return False


def test_wherever_a_session_is_cut_off_the_shares_that_lie_there_open_the_key(tmp_path: Path) -> None:
    opened = set()
    for calls in range(100):
        place = tmp_path / str(calls)
        (place / "keys").mkdir(parents=True)
        _half_sealed(place)
        was_cut = _until(place, calls)
        ceremony.finish(place)
        shares = [escrow.share((place / "shares" / f"{number}.txt").read_bytes()) for number in (1, 3)]
        secret = shamir.join({one.place: one.octets for one in shares})
        assert Vault(place / "keys" / "private", secret).get("root")[1] == b"the key"
        assert sorted(path.name for path in place.iterdir()) == ["keys", "shares"]
        opened.add(secret)
        if not was_cut:
            break
    assert (opened, was_cut) == ({FORMER, FRESH}, False)
