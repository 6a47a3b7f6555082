import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signing import wire
from signing.errors import SignerUnavailable, SigningRefused
from signing.wire import Answer, Framer, FrameTooLong, Generate, Public, Refusal, Sign, Unwrap

MESSAGES = [Public(1, "p1"), Sign(2, "p2", bytes(32), "sign", b""), Unwrap(3, [b"a", b"b"])]


@given(st.lists(st.integers(1, 40), max_size=40))
def test_frames_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream, framer, seen = b"".join(map(wire.frame, MESSAGES)), Framer(), []
    for size in [*cuts, len(stream)]:
        seen += framer.feed(stream[:size])
        stream = stream[size:]
    assert [wire.request(body) for body in seen] == MESSAGES


def test_a_frame_that_announces_too_much_is_refused_at_once() -> None:
    with pytest.raises(FrameTooLong):
        Framer().feed(wire.LENGTH.pack(wire.MAX_FRAME_BYTES + 1))


@given(st.binary(max_size=100))
@example(b"\x91\xa6\x00\x00\x00\x00\x00\x80")  # text that is not UTF-8
def test_arbitrary_octets_are_refused_as_requests_and_as_replies(body: bytes) -> None:
    for read, error in ((wire.request, SigningRefused), (wire.reply, SignerUnavailable)):
        try:
            read(body)
        except error:
            pass


@pytest.mark.parametrize(
    "fields",
    [
        ["public", 1, "../storage.key"],
        ["public", 1, ".hidden"],
        ["public", 1, "a\n"],
        ["public", 1, "k" * 101],
        ["public", 0, "p1"],
        ["sign", 1, "p1", bytes(31), "sign", b""],
        ["sign", 1, "p1", bytes(49), "sign", b""],
        ["generate", 1, "p1", "rsa", False],
        ["secrets", 1, wire.MAX_BATCH + 1],
        ["unwrap", 1, [b""] * (wire.MAX_BATCH + 1)],
        ["unknown", 1],
    ],
)
def test_requests_out_of_bounds_are_refused(fields: list) -> None:
    with pytest.raises(SigningRefused):
        wire.request(msgspec.msgpack.encode(fields))


def test_what_a_peer_wrote_in_place_of_a_request_stays_out_of_the_log() -> None:
    for body in ([b"sEcret", 1], ["sEcret", 1], [["sEcret"], 1], {"sEcret": 1}, ["public", "sEcret", "k"], ["sign", 1, "k", b"sEcret" * 9]):
        with pytest.raises(SigningRefused) as refused:
            wire.request(msgspec.msgpack.encode(body))
        assert "sEcret" not in str(refused.value.facts)
        assert refused.value.__suppress_context__


def test_the_largest_answer_fits_a_frame() -> None:
    octets = wire.frame(Answer(2**60, [bytes(41), bytes(32)] * wire.MAX_BATCH))
    assert len(octets) - wire.LENGTH.size <= wire.MAX_FRAME_BYTES


@pytest.mark.parametrize("reply", [Answer(1, [b"x"]), Refusal(1, "no-such-key")])
def test_replies_read_back(reply: wire.Reply) -> None:
    assert wire.reply(wire.frame(reply)[wire.LENGTH.size :]) == reply


def test_a_request_for_a_key_reads_back() -> None:
    ask = Generate(7, "post-1@interieur", "p384", activated=True)
    assert wire.request(wire.frame(ask)[wire.LENGTH.size :]) == ask
