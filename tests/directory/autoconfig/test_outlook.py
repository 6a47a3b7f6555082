"""Outlook's question as Outlook asks it, and answers in the schemas it reads."""

from xml.etree import ElementTree

import pytest

from config.settings import Listen
from directory.autoconfig import outlook
from directory.autoconfig.offer import Mailbox, offer

ASKED = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request>
</Autodiscover>"""
PHONE = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
BOX = Mailbox("amina.benali@interieur.gov.example", "interieur.gov.example", "وزارة", "Ministère <&>")
OFFER = offer("mx.diwan.example", Listen(imaps="0.0.0.0:993", imap="0.0.0.0:143", submissions="0.0.0.0:465", submission="0.0.0.0:587"))
A = f"{{{outlook.ACCEPTABLE}}}"
R = f"{{{outlook.RESPONSE}}}"


def test_outlooks_request_is_understood() -> None:
    asked = ASKED.format(address=BOX.address, schema=outlook.ACCEPTABLE)
    assert outlook.address(asked.encode()) == BOX.address
    assert outlook.address(b"\xef\xbb\xbf" + asked.encode()) == BOX.address
    assert outlook.address(asked.replace("utf-8", "utf-16").encode("utf-16")) == BOX.address


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 600),
        (b"<a/>", 600),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a/>', 600),
        (ASKED.format(address="", schema=outlook.ACCEPTABLE).encode(), 600),
        (
            ASKED.format(address="a@b", schema=PHONE).encode(),
            601,
        ),
    ],
)
def test_anything_else_has_its_code(body: bytes, code: int) -> None:
    with pytest.raises(outlook.Refused) as refused:
        outlook.address(body)
    assert refused.value.code == code


def test_the_answer_names_one_way_in_and_one_way_out() -> None:
    root = ElementTree.fromstring(outlook.settings(BOX, OFFER))
    assert root.tag == f"{R}Autodiscover"
    account = root.find(f"{A}Response/{A}Account")
    assert account is not None
    assert [account.findtext(f"{A}{name}") for name in ("AccountType", "Action")] == ["email", "settings"]
    found = [{field.tag.removeprefix(A): field.text for field in one} for one in account.findall(f"{A}Protocol")]
    assert [(one["Type"], one["Server"], one["Port"], one["SSL"], one["LoginName"]) for one in found] == [
        ("IMAP", "mx.diwan.example", "993", "on", BOX.address),
        ("SMTP", "mx.diwan.example", "465", "on", BOX.address),
    ]


def test_a_refusal_says_its_code_and_the_time_of_day() -> None:
    error = ElementTree.fromstring(outlook.refusal(600, "mx.diwan.example", 1_700_000_000_123_456)).find(f"{R}Response/{R}Error")
    assert error is not None
    assert error.attrib["Time"] == "22:13:20.1234560"
    assert error.attrib["Id"].isdigit()
    assert error.findtext(f"{R}ErrorCode") == "600"
