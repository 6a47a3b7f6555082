"""What a writer may choose for a letter besides signing it: one option for each, carried out in order when it is sent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from webmail import encryption, letters, opaque
from webmail.desk import Desk
from webmail.errors import N_
from webmail.letters import Addressed, Letter
from webmail.openpgp import writing as openpgp

Check = Callable[[Desk, Letter], Awaitable[list[str]]]
Wrap = Callable[[Desk, Addressed, bytes, bytes], Awaitable[tuple[bytes, bytes]]]

Offered = Callable[[Desk], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of the form: a checkbox named `option` with the value `name`; `title` and `hint` are what it says.

    `check` says what stands in its way before anything is sent, in the writer's language. `wrap` takes the header fields
    and the entity, signed already where that was asked, and returns those that leave.
    """

    name: str
    icon: str
    title: str
    hint: str
    check: Check
    wrap: Wrap
    hides: bool = False  # whether the subject is told inside only (RFC 9788 §3.2)
    offered: Offered | None = None  # who sees it at all; None: everybody


OPTIONS: tuple[Option, ...] = (
    Option(
        openpgp.SIGN,
        "key-round",
        N_("Sign with the OpenPGP key of the sender"),
        N_("For correspondents who use OpenPGP. It is no official signature."),
        openpgp.check_sign,
        openpgp.sign,
        offered=openpgp.offered,
    ),
    Option(
        opaque.NAME,
        "package",
        N_("Put the letter inside its signature"),
        N_("For recipients where signed letters arrive changed. Only mail programs that know S/MIME can read it."),
        opaque.check,
        opaque.wrap,
    ),
    Option(
        encryption.NAME,
        "lock",
        N_("Encrypt this letter"),
        N_("Only those named above and you can read it; its subject is hidden too."),
        encryption.check,
        encryption.wrap,
        hides=True,
    ),
    Option(
        openpgp.ENCRYPT,
        "lock",
        N_("Encrypt with OpenPGP"),
        N_(
            "Only those named above and the sender can read it, and it is signed inside. "
            "Keys that are not known yet are asked of the recipients' domains."
        ),
        openpgp.check_encrypt,
        openpgp.encrypt,
        hides=True,
        offered=openpgp.offered,
    ),
)


async def offered(desk: Desk) -> tuple[Option, ...]:
    """Return the options that the form shows to somebody."""
    seen = {which: await which(desk) for which in {option.offered for option in OPTIONS} if which is not None}
    return tuple(option for option in OPTIONS if option.offered is None or seen[option.offered])


def chosen(letter: Letter) -> tuple[Option, ...]:
    """Return the options of a letter, in the order in which they are carried out."""
    return tuple(option for option in OPTIONS if option.name in letter.options)


def known(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of options that there are."""
    return tuple(option.name for option in OPTIONS if option.name in names)


async def problems(desk: Desk, letter: Letter) -> dict[str, list[str]]:
    """Return what stands in the way of the options of a letter, as `checks.sending` does; {} when nothing does."""
    found = {option.name: await option.check(desk, letter) for option in chosen(letter)}
    return {name: texts for name, texts in found.items() if texts}


def protect(letter: Letter, top: bytes, entity: bytes, *, sign: bool) -> bytes:
    """Return the entity with copies of the header inside where something covers them: a signature or an encryption."""
    hides = hidden(letter)
    return letters.protect(top, entity, letters.confidential(top) if hides else b"") if sign or hides else entity


def hidden(letter: Letter) -> bool:
    """Say whether a letter leaves encrypted, its subject with it."""
    return any(option.hides for option in chosen(letter))


async def wrap(desk: Desk, addressed: Addressed, top: bytes, entity: bytes) -> tuple[bytes, bytes]:
    """Return the header fields and the entity of a letter as they leave."""
    for option in chosen(addressed.letter):
        top, entity = await option.wrap(desk, addressed, top, entity)
    return top, entity
