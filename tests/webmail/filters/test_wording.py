"""Every fault of a script has words in the three languages."""

import re

from mailcore.sieve.faults import Fault, SieveError
from webmail.filters.wording import FAULTS, explained
from webmail.language import LANGUAGES, use


def test_every_fault_has_words_in_each_language() -> None:
    assert set(FAULTS) == set(Fault)
    assert all(FAULTS[fault] == fault.value for fault in Fault)
    for code in LANGUAGES:
        use(code)
        for fault in Fault:
            names = re.findall(r"\{(\w+)\}", fault)
            shown = explained(SieveError(fault, **dict.fromkeys(names, "a number")))
            assert "{" not in shown
    use("ar")
