"""What calls itself the answer of an authenticator is refused, whatever it is: anybody may send one to the page of sign-in."""

import json

import pytest

from directory.errors import BadCredentials, BadEntry
from directory.signin import passkeys
from directory.types import Passkey
from tests.directory.conftest import SITE
from tests.directory.signin.authenticator import Authenticator, encoded, es256

DEEP = "[" * 30_000
CHALLENGE = json.dumps({"challenge": encoded(bytes(32))})


def of(key: Authenticator) -> Passkey:
    numbers = key.key.public_key().public_numbers()
    public = es256(numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))
    return Passkey(key.credential_id, 1, public, 0, "", (), 0, None)


@pytest.mark.parametrize("answer", [DEEP, '{"id":' * 5000, "1" * 5000, "null", "[]", "{}", "NaN", '{"id":1,"rawId":1,"response":1}'])
def test_what_is_no_answer_names_nobody(answer: str) -> None:
    with pytest.raises(BadCredentials):
        passkeys.named(answer)


@pytest.mark.parametrize("client", [DEEP.encode(), b"\xff", b"null", b"[1]", b"9" * 5000])
def test_what_a_browser_cannot_have_signed_is_refused(client: bytes) -> None:
    key = Authenticator()
    good = key.get(CHALLENGE)
    assert passkeys.proved(SITE, bytes(32), of(key), good, verified=True) == 1
    answer = json.loads(good)
    answer["response"]["clientDataJSON"] = encoded(client)
    with pytest.raises(BadCredentials):
        passkeys.proved(SITE, bytes(32), of(key), json.dumps(answer), verified=True)
    made = json.loads(key.create(CHALLENGE))
    for name, value in (("clientDataJSON", client), ("attestationObject", b"\x81" * 30_000), ("attestationObject", b"\xa1" * 30_000)):
        answer = made | {"response": made["response"] | {name: encoded(value)}}
        with pytest.raises(BadEntry):
            passkeys.created(SITE, bytes(32), json.dumps(answer))
