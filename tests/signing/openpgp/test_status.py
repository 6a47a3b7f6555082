"""What gpg's status lines say, and what they must not be taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.openpgp.status import events, is_opened, judged
from signing.openpgp.types import Judged

PRIMARY, SUBKEY = "A" * 40, "B" * 40
NEW = "[GNUPG:] NEWSIG\n"
VALID = f"[GNUPG:] VALIDSIG {SUBKEY} 2026-11-22 1795358011 0 4 0 22 8 00 {PRIMARY}\n"
GOOD = NEW + "[GNUPG:] GOODSIG BBBBBBBBBBBBBBBB A <a@b.example>\n" + VALID
AT_US = 1_795_358_011_000_000
OPENED = """\
[GNUPG:] DECRYPTION_INFO 2 9 0
[GNUPG:] BEGIN_DECRYPTION
[GNUPG:] PLAINTEXT 62 1795358011 name
[GNUPG:] DECRYPTION_OKAY
[GNUPG:] GOODMDC
[GNUPG:] END_DECRYPTION
"""


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", Judged("none")),
        (GOOD, Judged("good", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace("GOODSIG", "EXPKEYSIG"), Judged("expired", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace("GOODSIG", "EXPSIG"), Judged("expired", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace("GOODSIG", "REVKEYSIG"), Judged("revoked", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace(" 22 8 00 ", " 22 2 00 "), Judged("weak", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace(" 22 8 00 ", " 22 8 01 "), Judged("good", PRIMARY, SUBKEY, AT_US)),
        (GOOD.replace(" 22 8 00 ", " 22 8 10 "), Judged("unreadable")),
        (GOOD.replace(VALID, ""), Judged("unreadable")),
        (GOOD + VALID, Judged("unreadable")),
        (GOOD + GOOD, Judged("unreadable")),
        (GOOD + NEW, Judged("unreadable")),
        (NEW, Judged("unreadable")),
        (GOOD.replace(NEW, ""), Judged("unreadable")),
        (NEW + "[GNUPG:] BADSIG BBBBBBBBBBBBBBBB A\n", Judged("changed", issuer="B" * 16)),
        (NEW + f"[GNUPG:] ERRSIG {'B' * 16} 22 8 00 1795358011 9 {PRIMARY}\n", Judged("unknown", "", PRIMARY, AT_US)),
        (NEW + f"[GNUPG:] ERRSIG {'B' * 16} 22 8 00 1795358011 9 -\n", Judged("unknown", "", "B" * 16, AT_US)),
        (NEW + f"[GNUPG:] ERRSIG {'B' * 16} 99 8 00 1795358011 4 -\n", Judged("unreadable")),
        ("gpg: " + GOOD.replace("\n", " "), Judged("none")),
    ],
)
def test_one_signature_gets_one_verdict(text, want):
    assert judged(events(text)) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (OPENED, True),
        (OPENED.replace("[GNUPG:] GOODMDC\n", "").replace(" 2 9 0", " 0 9 2"), True),
        (OPENED.replace("[GNUPG:] GOODMDC\n", ""), False),
        (OPENED.replace("GOODMDC", "BADMDC"), False),
        (OPENED.replace("DECRYPTION_OKAY", "DECRYPTION_FAILED"), False),
        (OPENED.replace("[GNUPG:] DECRYPTION_OKAY\n", ""), False),
        (OPENED + OPENED, False),
        (OPENED + "[GNUPG:] PLAINTEXT 62 0 x\n", False),
        ("[GNUPG:] PLAINTEXT 62 0 x\n" + OPENED.replace("[GNUPG:] PLAINTEXT 62 1795358011 name\n", ""), False),
        (OPENED + NEW, False),
        ("[GNUPG:] PLAINTEXT 62 1795358011 name\n", False),
        ("", False),
    ],
)
def test_only_one_text_that_was_encrypted_and_protected_counts_as_opened(text, want):
    assert is_opened(events(text)) is want


@given(st.text(alphabet=st.sampled_from("[GNUPG:] VALIDSGOE\n 0129AB-"), max_size=300))
def test_no_status_makes_a_signature_good_without_a_verdict_and_a_valid_signature(text):
    found = judged(events(text))
    assert found.worth != "good" or ("GOODSIG" in text and "VALIDSIG" in text)
