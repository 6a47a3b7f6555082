"""Signatures: made and judged for each second of CPU, beside the bare mathematics of `openssl speed`, and beside pyHanko.

Made alone (form B-B, the key open here) and as the webmail does it (B-T: two signatures by a real signer over its socket, the CPU of both
processes). Judged as a reader's page does it, the path to the root known from the letter before.
"""

import asyncio
import base64
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench import process, pyhanko
from bench.dkim import rate
from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from config import log
from config.clock import SystemClock
from signing import smime
from signing.cms import SigningIdentity, ToSign
from signing.keys import Signer
from signing.pki import ca
from signing.pki.profiles import Subject
from signing.process import running
from signing.tsa import TimeAuthority
from signing.verdict import judge

PEER, PYHANKO = "openssl speed", "pyhanko"
DEADLINE_S = 180.0
SPEED_S = 1  # of openssl, for each of its figures
NIST, RSA = r"nistp256\)\s+\S+\s+\S+", r"rsa 3072 bits\s+\S+\s+\S+"
STAMPED = 2_000  # signatures with a stamp a second and core that are asked for
AT_ONCE, BATCH = 64, 512
LETTERS = 50  # signatures that are judged in turn
ADDRESS = "bureau.ordre@interieur.gov.example"
HEAD = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"

SIGN = Measure("signing/sign", "P-256 signatures of form B-B made, by our CPU", "per s", bars={PEER: 0.25, PYHANKO: 1})
SIGN_RSA = Measure("signing/sign-rsa", "RSA-3072 signatures of form B-B made, by our CPU", "per s", bars={PEER: 0.85})
STAMP = Measure("signing/stamp", "signatures of form B-T made through the signer, by the CPU of both", "per s", bars={ASKED: 1})
VERIFY = Measure("signing/verify", "signatures judged, path known, by our CPU", "per s", bars={PEER: 0.3, PYHANKO: 1})
VERIFY_STAMPED = Measure("signing/verify-stamped", "stamped signatures judged, paths known, by our CPU", "per s")


def entity(number: int) -> bytes:
    """Return what is signed: a letter of 2 KB, each another."""
    text = f"Lettre {number}. ".encode() + "السيد الوزير المحترم، ".encode() * 40
    return HEAD + base64.encodebytes(text).replace(b"\n", b"\r\n")


def openssl(name: str, line: str) -> tuple[float, float]:
    """Return how many signatures openssl makes and verifies in a second with one method."""
    done = subprocess.run(["openssl", "speed", "-seconds", str(SPEED_S), name], capture_output=True, text=True, check=True)
    found = re.search(line + r"\s+([0-9.]+)\s+([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]), float(found[2])


@dataclass(frozen=True, slots=True)
class Desk:
    """A clerk with keys here, an authority of time with one in the signer, and the root. `card` is the RSA key of another."""

    clerk: SigningIdentity
    key: ec.EllipticCurvePrivateKey
    with_card: SigningIdentity
    card: rsa.RSAPrivateKey
    clock: SigningIdentity
    root: bytes


async def desk(signer: Signer, now_us: int) -> Desk:
    """Certify them."""
    root = await ca.create_root(signer, "Racine", now_us)
    ministry = await ca.create_issuing_ca(signer, root, "Ministère", ["interieur.gov.example"], now_us, key_id="ca-ministry")
    times = await ca.create_issuing_ca(signer, root, "Horloges", (), now_us, key_id="ca-times", purpose="tsa")
    clock = await ca.issue(signer, times, "tsa", Subject("Horloge"), await signer.generate("tsa", "p256"), now_us)
    key, card = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 3072)

    async def certified(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> SigningIdentity:
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        who = Subject("Bureau d'ordre", "Ministère", addresses=(ADDRESS,))
        certificate = await ca.issue(signer, ministry, "sign", who, octets, now_us)
        return SigningIdentity("clerk", certificate, ministry.issued_chain)

    clerk, with_card = await certified(key.public_key()), await certified(card.public_key())
    return Desk(clerk, key, with_card, card, SigningIdentity("tsa", clock, times.issued_chain), root.certificate)


def by(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, to_sign: ToSign) -> bytes:
    """Return the signature of a key that is here."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(to_sign.digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    return key.sign(to_sign.digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def signing(
    texts: Iterator[bytes], identity: SigningIdentity, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, now_us: int
) -> Callable[[], object]:
    """Return work that signs one text after the other."""

    def work() -> bytes:
        to_sign = smime.prepare(next(texts), identity, now_us)
        return smime.finish(to_sign, by(key, to_sign))

    return work


async def stamped(signer: Signer, authority: TimeAuthority, identity: SigningIdentity, now_us: int) -> float:
    """Return how many signatures with a stamp are made for each second of CPU, here and in the signer."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with room:
            to_sign = smime.prepare(entity(number), identity, now_us)
            signature = await signer.sign("tsa", to_sign.digest)  # any key of the signer: this one asks for no activation
            smime.finish(to_sign, signature, await authority.stamp(signature))

    pid = (await signer.status()).pid
    began = time.process_time() + process.cpu_s((pid,))
    await asyncio.gather(*[one(number) for number in range(BATCH)])
    return BATCH / (time.process_time() + process.cpu_s((pid,)) - began)


def judging(letters: list[tuple[bytes, bytes]], root: bytes, at_us: int) -> Callable[[], object]:
    """Return work that judges one of some signatures after the other."""
    turn = cycle(letters)

    def work() -> None:
        text, signature = next(turn)
        assert judge(text, signature, [root], at_us, ADDRESS).status == "valid"

    return work


async def measure(run: Run) -> None:
    """Make and judge in rounds."""
    log.configure("warning")  # as a node does; a line for each stamp costs as much as the stamp
    with tempfile.TemporaryDirectory(prefix="diwan-bench-") as folder:
        async with running(Path(folder)) as signer, section(run, "signing", DEADLINE_S):
            now_us = SystemClock().now_us()
            made_desk = await desk(signer, now_us)
            identity, key, root = made_desk.clerk, made_desk.key, made_desk.root
            authority = TimeAuthority(signer, made_desk.clock, SystemClock())
            theirs = pyhanko.Pyhanko(key, identity, root)

            texts = [entity(secrets.randbits(32)) for _ in range(LETTERS)]
            made = [(text, smime.prepare(text, identity, now_us)) for text in texts]
            signed = [(text, to_sign, by(key, to_sign)) for text, to_sign in made]
            plain = [(text, smime.finish(to_sign, value)) for text, to_sign, value in signed]
            with_stamps = [(text, smime.finish(to_sign, value, await authority.stamp(value))) for text, to_sign, value in signed]
            for _ in range(run.plan.rounds):
                signs, verifies = await asyncio.to_thread(openssl, "ecdsap256", NIST)
                rsa_signs, _ = await asyncio.to_thread(openssl, "rsa3072", RSA)
                run.board.add(SIGN, OURS, rate(signing(cycle(texts), identity, key, now_us)))
                run.board.add(SIGN, PEER, signs)
                run.board.add(SIGN, PYHANKO, await theirs.signs(texts))
                run.board.add(SIGN_RSA, OURS, rate(signing(cycle(texts), made_desk.with_card, made_desk.card, now_us)))
                run.board.add(SIGN_RSA, PEER, rsa_signs)
                run.board.add(STAMP, OURS, await stamped(signer, authority, identity, now_us))
                run.board.add(STAMP, ASKED, STAMPED)
                run.board.add(VERIFY, OURS, rate(judging(plain, root, now_us + 10_000_000)))
                run.board.add(VERIFY, PEER, verifies)
                run.board.add(VERIFY, PYHANKO, await theirs.verifies(plain))
                run.board.add(VERIFY_STAMPED, OURS, rate(judging(with_stamps, root, now_us + 3_600_000_000)))
