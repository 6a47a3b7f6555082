"""Flags: setflag, addflag, removeflag, :flags, and what hasflag looks at. Pure. RFC 5232."""

import re
from collections.abc import Iterable, Sequence

from mailcore.sieve import limits
from mailcore.sieve.run import Run
from mailcore.sieve.strings import Template

_FLAG = re.compile(r"\\?[^\x00-\x20\x7f()\\{%*\"\]]{1,100}")  # RFC 3501 §9 flag-keyword and the system flags
SYSTEM = frozenset(("\\answered", "\\deleted", "\\draft", "\\flagged", "\\seen"))


def split(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the flags in strings, each once however it is written; a string may hold several (RFC 5232 §2).

    What is no flag is left out, as are system flags that there are not: \\Recent is not for scripts.
    """
    found: dict[str, str] = {}
    for text in texts:
        for flag in text.split():
            if _FLAG.fullmatch(flag) and (not flag.startswith("\\") or flag.lower() in SYSTEM):
                found.setdefault(flag.lower(), flag)
    return tuple(found.values())[: limits.MAX_FLAGS]


def held(run: Run, variables: Sequence[str] | None) -> tuple[str, ...]:
    """Return the flags of some variables, or of the internal one."""
    if variables is None:
        return run.flags
    return split(run.variables.get(name, "") for name in variables)


def change(run: Run, op: str, variable: str | None, texts: Sequence[Template]) -> None:
    """Set, add or remove flags in a variable, or in the internal one (RFC 5232 §3)."""
    given = split(text.of(run) for text in texts)
    old = held(run, None if variable is None else (variable,))
    folded = {flag.lower() for flag in given}
    kept = tuple(flag for flag in old if flag.lower() not in folded)
    new = {"setflag": given, "addflag": split((*old, *given)), "removeflag": kept}[op]
    if variable is None:
        run.flags = new
    else:
        run.variables[variable] = " ".join(new)[: limits.MAX_VARIABLE_CHARS]
    run.work(sum(map(len, given)))
