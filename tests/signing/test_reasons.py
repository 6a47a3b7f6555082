import re

import pytest

from signing.reasons import REASONS

# ETSI EN 319 102-1 §5.1.3, table 3: main indication of each sub-indication; ours may be stricter where a comment says so.
FAILED = {"FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "REVOKED", "EXPIRED", "NOT_YET_VALID"}


@pytest.mark.parametrize("key", REASONS)
def test_every_reason_speaks_three_languages(key: str) -> None:
    reason = REASONS[key]
    for language, script in (("ar", r"[\u0600-\u06ff]"), ("fr", r"[a-z]"), ("en", r"[a-z]")):
        words = reason.words(language)
        assert re.search(script, words.found)
        assert words.action.endswith(".")
        assert words.found.endswith(".")
    assert len({reason.words(language).found for language in ("ar", "fr", "en")}) == 3


@pytest.mark.parametrize("key", REASONS)
def test_the_status_follows_the_standard(key: str) -> None:
    reason = REASONS[key]
    if key == "other_address":  # stricter: a message signed by somebody else is not the sender's
        assert reason.status == "invalid"
    elif reason.code == "TOTAL_PASSED":
        assert reason.status == "valid"
    else:
        assert reason.status == ("invalid" if reason.code in FAILED else "undecided")


def test_an_unknown_language_is_told_in_english() -> None:
    assert REASONS["changed"].words("de") == REASONS["changed"].en
