import pytest

from mailcore.message.loops import MAX_HOPS, MAX_PASSES, goes_round

HOST, KARIM = "mx.gov.example", "Karim@gov.example"
OURS = (
    b"received",
    b"Received: from a.example\r\n\tby MX.gov.example with ESMTP id 1\r\n\tfor <karim@gov.example>;\r\n\tSun, 22 Nov 2026\r\n",
)
OTHER = (b"received", b"Received: from b.example by c.example with ESMTP id 1 for <karim@gov.example>; Sun, 22 Nov 2026\r\n")


@pytest.mark.parametrize(
    ("fields", "round_"),
    [
        ([], False),
        ([OTHER] * MAX_HOPS, False),
        ([OTHER] * (MAX_HOPS + 1), True),
        ([OURS] * MAX_PASSES + [OTHER] * 9, False),
        ([OURS] * (MAX_PASSES + 1), True),
        ([(OURS[0], OURS[1].replace(b"karim@", b"amina@"))] * 9, False),
        ([(b"delivered-to", b"Delivered-To: karim@GOV.example\r\n")], True),
        ([(b"delivered-to", b"Delivered-To: <karim@gov.example>\r\n")], True),
        ([(b"delivered-to", b"Delivered-To: other@gov.example\r\n")], False),
        ([(b"subject", b"Subject: Delivered-To: karim@gov.example\r\n")], False),
    ],
)
def test_a_message_that_comes_back_for_the_same_recipient_goes_round(fields, round_):
    assert goes_round(fields, HOST, KARIM) is round_
