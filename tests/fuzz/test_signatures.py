"""Altered letters are never taken for good ones, and no reader of signatures raises what it does not say. Longer runs: DIWAN_MUTATIONS."""

import os
import random

import pytest

from tests.fuzz import mutation, parsers
from tests.fuzz.octets import altered
from tests.signing.conftest import country as country
from tests.signing.country import Country

MUTATIONS = int(os.environ.get("DIWAN_MUTATIONS", "400"))  # 100,000 take three quarters of a minute
SEED = int(os.environ.get("DIWAN_SEED", "11"))
DOCUMENTS = int(os.environ.get("DIWAN_DOCUMENTS", "8"))  # of each reader


def test_no_altered_letter_is_taken_for_what_was_signed(country: Country) -> None:
    outcome = mutation.run(country, MUTATIONS, seed=7)
    assert outcome.false == []
    assert outcome.judged["HASH_FAILURE"] > MUTATIONS // 10
    assert outcome.judged["SIG_CRYPTO_FAILURE"] > MUTATIONS // 100
    assert outcome.judged["FORMAT_FAILURE"] > MUTATIONS // 100


def test_the_run_would_notice(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a judge that forgets to look at the text, something is accepted falsely."""
    monkeypatch.setattr("signing.genuine.check_digest", lambda *_: None)
    assert mutation.run(country, 200, seed=7).false


def test_no_reader_raises_what_it_does_not_say(country: Country) -> None:
    rng, found = random.Random(SEED), {}
    every = parsers.every(country)
    others = [one.good for one in every.values()]
    for name, parser in every.items():
        parser.read(parser.good)
        for _ in range(DOCUMENTS):
            octets = altered(rng, parser.good, others)
            try:
                parser.read(octets)
            except parser.errors:
                continue
            except Exception as reason:
                found[f"{name}: {type(reason).__name__}: {reason}"] = octets.hex()
    assert found == {}
