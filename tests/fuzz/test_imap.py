"""A few rounds of the fuzzer with fixed seeds; and its own parts must be able to find something."""

import random
import ssl
from pathlib import Path

import pytest

from mailcore.imap.wire import Event, Framer, Limits
from tests.fuzz import corpus, strict
from tests.fuzz.imap import Fuzzer
from tests.fuzz.mutate import changed, framed, scrambled
from tests.mailcore.certificates import certified

ROUNDS = 60  # some seconds
LIMITS = Limits(line=65_536, literal=131_072, append=1_000_000, skip=4_000_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_mutated_sessions_find_nothing(seed: int, tmp_path: Path) -> None:
    tls = certified(tmp_path)
    fuzzer = Fuzzer(seed, tls, ssl.create_default_context(cafile=str(tls.certificate)))
    await fuzzer.episode(ROUNDS)
    assert fuzzer.rounds == ROUNDS
    assert fuzzer.findings == {}


@pytest.mark.parametrize("seed", range(5))
def test_however_a_mutated_session_is_cut_the_framer_says_the_same(seed: int) -> None:
    rng = random.Random(seed)
    for name, steps in rng.sample(corpus.sessions(), 40):
        octets = b"".join(b"a " + corpus.command(step.text, rng) + b"\r\n" for step in steps if step.who)
        for _ in range(rng.randint(0, 8)):
            octets = scrambled(octets, rng)
        whole = events(octets, len(octets) or 1)
        assert events(octets, rng.randint(1, 40)) == whole, name


def events(octets: bytes, cut: int) -> list[Event]:
    framer = Framer(LIMITS)
    found: list[Event] = []
    for place in range(0, len(octets), cut):
        framer.feed(octets[place : place + cut])
        while (event := framer.next()) is not None:
            found.append(event)
    return found


def test_the_corpus_is_every_transcript() -> None:
    sessions = corpus.sessions()
    assert len(sessions) >= 150
    assert all(any(step.who for step in steps) for _, steps in sessions)


@pytest.mark.parametrize("seed", range(3))
def test_changed_commands_keep_their_frame(seed: int) -> None:
    rng = random.Random(seed)
    commands = [one for _, steps in corpus.sessions() for step in steps if step.who for one in framed(corpus.command(step.text, rng))]
    for command in commands:
        made = changed(command, commands, rng)
        assert len(made.lines) == len(made.literals) + 1
        octets = b"".join(
            line + b"{%d+}\r\n" % len(literal) + literal for line, (_, _, literal) in zip(made.lines, made.literals, strict=False)
        )
        assert len(list(iter(filled(b"a " + octets + made.lines[-1] + b"\r\n").next, None))) == 1, made


def filled(octets: bytes) -> Framer:
    framer = Framer(Limits(line=10_000_000, literal=10_000_000, append=10_000_000, skip=10_000_000))
    framer.feed(octets)
    return framer


@pytest.mark.parametrize(
    "line",
    [
        b"* 1 FETCH (FLAGS (\\Seen)\r\n",
        b"* LIST () \"/\" a b(\r\n",
        b"* BAD [ expected\r\n",
        b"a NO [BADURL ] x\r\n",
        b"* OK\r\n",
        b"* NEWS 1\r\n",
        b"a MAYBE x\r\n",
        b"* SEARCH 1  2\r\n",
        b"* 1 FETCH (RFC822.SIZE -1)\r\n",
        b"* LIST (a) \"/\" \"x\r\n",
        b"* OK [CAPABILITY x\r\n",
    ],
)  # fmt: skip
def test_what_is_not_of_the_grammar_is_found(line: bytes) -> None:
    with pytest.raises(strict.Broken):
        strict.read(line)


@pytest.mark.parametrize(
    "line",
    [
        b"* 3 EXISTS\r\n",
        b"+ \r\n",
        b"* LIST (\\HasNoChildren) \"/\" {3}\r\na b\r\n",
        b"* THREAD (1 2)(3)\r\n",
        b'* ESEARCH (TAG "a") UID ALL 1:3,5\r\n',
        b'* OK [INPROGRESS ("a" NIL NIL)] still at it\r\n',
        b"a1 OK [COPYUID 1 1:3 4:6] copied\r\n",
        b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL\r\n',
        b"* VANISHED (EARLIER) 1:3\r\n",
        b"* BYE until next time\r\n",
    ],
)  # fmt: skip
def test_what_servers_say_is_read(line: bytes) -> None:
    assert strict.cut(line) == len(line)
    strict.read(line)
