"""Altered letters, judged: none may be taken for what its signer signed. `python -m tests.fuzz.mutation --count 100000`.

A letter is altered in any octet of its body: text, delimiters, the signature in its base64 or beneath it. It is accepted
falsely when the verdict is valid and what is shown as signed, who signed it, when, or when that was proven is not what it was.
"""

import argparse
import asyncio
import base64
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from signing import smime
from signing.verdict import Verdict, judge
from tests.fuzz.octets import altered
from tests.signing.country import ADDRESS, DAY_US, HEAD, NOW_US, Country, found

BOUNDARY = "=_diwan-0123456789"
LETTERS = 8
AT_US = NOW_US + DAY_US


@dataclass(frozen=True)
class Letter:
    """A letter as it travels, and what was signed."""

    body: bytes
    entity: bytes
    cms: bytes

    @classmethod
    def of(cls, entity: bytes, cms: bytes) -> "Letter":
        return cls(smime.multipart(entity, cms, BOUNDARY)[1], entity, cms)


@dataclass
class Outcome:
    """How many were judged how; what was accepted falsely, as base64."""

    judged: Counter[str] = field(default_factory=Counter)
    harmless: int = 0  # valid, as only what nobody signed was altered
    false: list[str] = field(default_factory=list)


def letters(country: Country) -> list[Letter]:
    """Some letters of two people on both curves, half of them stamped."""
    made = []
    for number in range(LETTERS):
        text = f"Lettre {number}. ".encode() + "السيد الوزير المحترم، ".encode() * 3
        entity = HEAD + base64.encodebytes(text).replace(b"\n", b"\r\n")
        holder = country.judge_p384 if number % 4 == 3 else country.clerk
        made.append(Letter.of(entity, holder.sign(entity, clock=country.clock if number % 2 else None)))
    return made


def _in_body(rng: random.Random, letter: Letter, others: list[Letter]) -> bytes:
    return altered(rng, letter.body, [one.body for one in others])


def _in_text(rng: random.Random, letter: Letter, others: list[Letter]) -> bytes:
    return letter.body.replace(letter.entity, altered(rng, letter.entity, [one.entity for one in others]))


def _in_signature(rng: random.Random, letter: Letter, others: list[Letter]) -> bytes:
    return _with(letter, altered(rng, letter.cms, [one.cms for one in others]))


def _with(letter: Letter, cms: bytes) -> bytes:
    return letter.body.replace(*(base64.encodebytes(one).replace(b"\n", b"\r\n") for one in (letter.cms, cms)))


def _of_another(rng: random.Random, letter: Letter, others: list[Letter]) -> bytes:
    """The text of one with the signature of another."""
    return _with(letter, rng.choice([one for one in others if one.entity != letter.entity]).cms)


WAYS: tuple[Callable[[random.Random, Letter, list[Letter]], bytes], ...] = (
    _in_signature,
    _in_signature,
    _in_signature,
    _in_text,
    _in_body,
    _in_body,
    _of_another,
)


def run(country: Country, count: int, seed: int, report: Callable[[int], None] = lambda _: None) -> Outcome:
    """Judge `count` altered letters."""
    rng, known, roots, outcome = random.Random(seed), letters(country), [country.root.certificate], Outcome()
    originals = {letter.entity: judge(letter.entity, letter.cms, roots, AT_US, ADDRESS) for letter in known}
    assert all(one.status == "valid" for one in originals.values())
    for number in range(count):
        letter = rng.choice(known)
        try:
            body = rng.choice(WAYS)(rng, letter, known)
            cut = smime.detached(body, BOUNDARY)
        except (smime.NotSigned, ValueError):
            outcome.judged["NOT_SIGNED"] += 1
            continue
        verdict = judge(cut.entity, cut.cms, roots, AT_US, ADDRESS)
        outcome.judged[verdict.code] += 1
        if verdict.status == "valid":
            if _same(verdict, originals.get(cut.entity)):
                outcome.harmless += 1
            else:
                outcome.false.append(base64.b64encode(body).decode())
        if number % 1000 == 0:
            report(number)
    return outcome


def _same(verdict: Verdict, original: Verdict | None) -> bool:
    """A stamp may have been taken away: it is not signed."""
    if original is None:
        return False
    shown = [(one.signer_name, one.organisation, one.address, one.serial, one.signed_at_us, one.path) for one in (verdict, original)]
    return shown[0] == shown[1] and verdict.proven_us in (None, original.proven_us)


def main() -> int:
    """Run it; say what came of it as JSON; 1 when anything was accepted falsely."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        country = asyncio.run(found(Path(directory)))
    began = time.process_time()
    outcome = run(country, given.count, given.seed, lambda number: print(f"\r{number}", end="", file=sys.stderr))
    said = {
        "altered": given.count,
        "false_accepts": len(outcome.false),
        "harmless": outcome.harmless,
        "cpu_s": round(time.process_time() - began, 1),
        "judged": dict(outcome.judged.most_common()),
        "false": outcome.false,
    }
    print(json.dumps(said, indent=2))
    return 1 if outcome.false else 0


if __name__ == "__main__":
    sys.exit(main())
