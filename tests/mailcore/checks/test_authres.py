"""Authentication-Results: values that cannot say anything else, and fields that claim to be ours."""

import authres as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.checks import authres
from mailcore.checks.results import Arc, Dkim, Dmarc, Spf
from mailcore.message import headers

HOST = "mx.gov.example"


def test_what_was_found_stands_line_by_line():
    written = authres.field(
        authres.payload(
            HOST,
            Spf("softfail", "x.example"),
            (Dkim("pass", "x.example", "s1", "rsa-sha256", "AbCd+/=="), Dkim("fail", "y.example", "s2", reason="body was changed")),
            Dmarc("pass", "x.example", "reject"),
            Arc("pass", ("lists.example",), sets=1),
        )
    )
    assert written == (
        b"Authentication-Results: mx.gov.example;\r\n"
        b'\tdkim=pass header.d=x.example header.s=s1 header.a=rsa-sha256 header.b="AbCd+/==";\r\n'
        b'\tdkim=fail reason="body was changed" header.d=y.example header.s=s2;\r\n'
        b"\tspf=softfail smtp.mailfrom=x.example;\r\n"
        b"\tdmarc=pass header.from=x.example policy.dmarc=none;\r\n"
        b"\tarc=pass header.oldest-pass=lists.example\r\n"
    )
    assert authres.results(written) == {"dkim": "pass", "spf": "softfail", "dmarc": "pass", "arc": "pass"}


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_value_says_more_than_itself(domain, reason):
    written = authres.field(authres.payload(HOST, Spf("fail", domain, reason=reason), (), Dmarc("fail", "x.example"), None))
    assert authres.results(written) == {"dkim": "none", "spf": "fail", "dmarc": "fail"}
    assert written.count(b"\r\n") == 4
    assert all(32 <= octet < 127 for octet in written if octet not in b"\r\n\t")


CLAIMS = [
    b" mx.gov.example; dmarc=pass",
    b" MX.Gov.Example 1; dmarc=pass",
    b" mx.gov.example",
    b' "mx.gov.example"; dmarc=pass',
    b' "mx.gov.ex\\ample"; dmarc=pass',
    b" (x) mx.gov.example; dmarc=pass",
    b" (;) mx.gov.example; dmarc=pass",
    b" ((a)(b(c)))mx.gov.example; dmarc=pass",
    b"\r\n\tmx.gov.example;\r\n\tdmarc=pass",
    b" " + b"(" * 40 + b"mx.gov.example; dmarc=pass",
    b";dmarc=pass",
    b"",
]


@pytest.mark.parametrize("value", CLAIMS)
def test_what_claims_to_be_ours_is_renamed_and_nothing_moves(value):
    raw = b"Received: x\r\nAuthentication-Results:" + value + b"\r\nFrom: a@x.example\r\n\r\nbody\r\n"
    fields, _ = headers.scan(raw)
    header = authres.neutralised(raw, fields, HOST)
    changed = header + raw[len(header) :]
    assert len(changed) == len(raw)
    assert changed == raw.replace(b"Authentication-Results:", authres.NEUTRAL + b":")


OTHERS = [
    b" mx.elsewhere.example; dmarc=pass",
    b" backup-mx.gov.example; spf=pass",
    b" mx.gov.example.attack.example; spf=pass",
    b" x; spf=pass mx.gov.example",
]


@pytest.mark.parametrize("value", OTHERS)
def test_what_others_found_stays(value):
    raw = b"Authentication-Results:" + value + b"\r\nFrom: a@x.example\r\n\r\n"
    assert authres.neutralised(raw, headers.scan(raw)[0], HOST) == b""


def test_an_obsolete_blank_before_the_colon_hides_nothing():
    raw = b"authentication-results : mx.gov.example; dmarc=pass\r\n\r\n"
    assert authres.neutralised(raw, headers.scan(raw)[0], HOST).startswith(authres.NEUTRAL + b" : mx")


@given(st.binary(max_size=100))
def test_no_octets_raise(octets):
    raw = b"Authentication-Results:" + octets + b"\r\n\r\n"
    authres.neutralised(raw, headers.scan(raw)[0], HOST)
    authres.results(raw)
    authres.identifier(octets)


def test_authres_reads_the_same():
    dkim = Dkim("pass", "x.example", "s1", "rsa-sha256", "AbCd+/==")
    written = authres.field(authres.payload(HOST, Spf("pass", "x.example"), (dkim,), Dmarc("fail", "x.example", "reject", "reject"), None))
    read = oracle.AuthenticationResultsHeader.parse(written.decode().replace("\r\n", ""))
    assert read.authserv_id == HOST
    assert [(each.method, each.result) for each in read.results] == [("dkim", "pass"), ("spf", "pass"), ("dmarc", "fail")]
    assert read.results[0].header_d == "x.example"
