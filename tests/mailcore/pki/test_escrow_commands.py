"""Opening a key of the escrow: by order of two persons, with enough shares, once."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from config import settings
from config.commands import run
from directory import orders
from mailcore import services
from mailcore.demo import nodes
from mailcore.pki import issue
from signing.pki.register import Issued
from tests.command import archives, diwan
from tests.signing.test_escrow import OFFICERS, decrypted, officer


def said(*words: str) -> str:
    ended = diwan(*words)
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[nodes.Node, Issued]:
    """A node with three officers, whose registry's keeper has a certificate for encryption."""
    directory = tmp_path_factory.mktemp("escrow") / "node"
    made = archives(directory)
    keys = made.directory / "keys"
    for name in OFFICERS:
        officer(keys, name, ec.generate_private_key(ec.SECP256R1()))
    (keys / "escrow.toml").write_text(f"needed = 2\nofficers = {[f'{name}.pem' for name in OFFICERS]}\n")
    return made, run(certified(made))


async def certified(made: nodes.Node) -> Issued:
    async with services.opened(settings.load(made.directory)) as opened:
        holder = await opened.db.read(issue.subject, made.people[0].address)
        return await issue.to_account(opened, "encrypt", holder)


async def ordered_of_another(made: nodes.Node, issued: Issued) -> None:
    """An order for this key in the name of an account that whoever gave it may decide about."""
    async with services.opened(settings.load(made.directory)) as opened:
        await opened.db.write(orders.add, orders.Wanted("open", issued.account_id + 1, serial=issued.key_id))


def test_a_key_is_opened_once_by_order_of_two_persons(node: tuple[nodes.Node, Issued], tmp_path: Path) -> None:
    made, issued = node
    keys, here, key = made.directory / "keys", ["--dir", str(made.directory)], issued.key_id
    assert "2 of 3" in said("escrow", "list", *here)
    for number, name in enumerate(OFFICERS[:2], 1):
        sealed, plain = tmp_path / f"{name}.p7m", tmp_path / f"{name}.txt"
        assert name in said("escrow", "share", key, "--officer", str(number), "--out", str(sealed), *here)
        plain.write_bytes(decrypted(keys, name, sealed.read_bytes()))
    (tmp_path / "password").write_text("un long secret\n")
    out, shares = tmp_path / "key.pem", [word for name in OFFICERS[:2] for word in ("--share", str(tmp_path / f"{name}.txt"))]
    opening = ["open", key, "--out", str(out), "--password-file", str(tmp_path / "password"), *here]
    assert "2 different shares are needed, these are 1" in said("escrow", *opening, *shares[:2])
    assert "nobody has ordered" in said("escrow", *opening, *shares)
    run(ordered_of_another(made, issued))
    assert "nobody has ordered" in said("escrow", *opening, *shares)
    ordered = said("escrow", "order", key, "--reason", "ordonnance 12/2026", *here)
    assert "waits for a second person" in ordered
    assert "nobody has ordered" in said("escrow", *opening, *shares)
    (tmp_path / "clerk").write_text(made.people[0].password)
    number = ordered.split("approve ")[1].split()[0]
    agreed = said("admin", "approve", number, "--as", made.people[0].address, "--password-file", str(tmp_path / "clerk"), *here)
    assert not out.exists(), agreed
    assert "wrote" in said("escrow", *opening, *shares), agreed
    private = load_pem_private_key(out.read_bytes(), b"un long secret")
    form = PublicFormat.SubjectPublicKeyInfo
    of = x509.load_der_x509_certificate(issued.der).public_key()
    assert private.public_key().public_bytes(Encoding.DER, form) == of.public_bytes(Encoding.DER, form)
    out.unlink()
    assert "nobody has ordered" in said("escrow", *opening, *shares)


def test_what_is_not_kept_is_said(node: tuple[nodes.Node, Issued], tmp_path: Path) -> None:
    made, issued = node
    here = ["--dir", str(made.directory)]
    assert "no key sign-1 is in escrow" in said("escrow", "order", "sign-1", *here)
    fourth = ["share", issued.key_id, "--officer", "4", "--out", str(tmp_path / "x")]
    assert "shares of 3 officers" in said("escrow", *fourth, *here)
