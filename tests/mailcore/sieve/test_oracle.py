"""The same scripts over the same messages as Dovecot's Sieve: the same actions in the same order."""

import tempfile
from pathlib import Path

import pytest

from mailcore.message.index import index
from mailcore.sieve.compile import compile
from mailcore.sieve.faults import SieveError
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import FileInto, Keep, Redirect, Reject, Vacation
from tests.mailcore.sieve import pigeonhole

SENDER, RECIPIENT = "coyote@desert.example.org", "roadrunner+birds@acme.example.com"

PLAIN = (
    b"Return-Path: <coyote@desert.example.org>\r\n"
    b"Received: from a.example by b.example; Tue, 1 Apr 1997 09:06:35 -0800\r\n"
    b"Received: from c.example by a.example; Tue, 1 Apr 1997 09:06:33 -0800\r\n"
    b"Date: Tue, 1 Apr 1997 09:06:31 -0800\r\n"
    b"From: Wile E. Coyote <coyote@desert.example.org>\r\n"
    b'To: roadrunner+birds@acme.example.com, "Second, One" <second@ACME.example.com>\r\n'
    b"Cc: team: one@x.example, two@x.example;\r\n"
    b"Subject:   [acme-users] I have a   present\r\n"
    b"X-Priority: 12\r\n"
    b"X-Empty:\r\n"
    b"X-Many: one\r\nX-Many: two\r\nX-Many: three\r\n"
    b"Message-ID: <m1@desert.example.org>\r\n"
    b"\r\n"
    b"Look, I'm sorry about the whole anvil thing.\r\nBEEP beep $$$\r\n"
)
MIME = (
    b"From: =?utf-8?B?2KPZhdmK2YbYqQ==?= <amina@x.example>\r\n"
    b"To: <roadrunner+birds@acme.example.com>\r\n"
    b"Subject: =?iso-8859-1?Q?R=E9union?= de =?utf-8?Q?d=C3=A9cembre?=\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=outer\r\n"
    b"\r\n"
    b"prologue words\r\n"
    b"--outer\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"2KfZhNiz2YTYp9mFINi52YTZitmD2YU=\r\n"
    b"--outer\r\n"
    b"Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>caf=E9 <b>noir</b></p>\r\n"
    b"--outer\r\n"
    b"Content-Type: message/rfc822\r\n\r\n"
    b"From: inner@x.example\r\nSubject: inside\r\n\r\nnested body\r\n"
    b"--outer--\r\n"
    b"epilogue words\r\n"
)
LETTERS = {"plain": PLAIN, "mime": MIME}

FILE = '{ fileinto "yes"; }'


def filing(condition: str, require: str) -> str:
    """A script that files what meets a condition."""
    return f'require ["fileinto"{require}]; if {condition} {FILE}'


V = ', "variables"'
R = ', "relational", "comparator-i;ascii-numeric"'
CONDITIONS = [
    ('header :is "subject" "[acme-users] I have a   present"', ""),
    ('header :is "subject" "[acme-users] I have a present"', ""),
    ('header :contains "SUBJECT" "HAVE A"', ""),
    ('header :comparator "i;octet" :contains "subject" "HAVE"', ""),
    ('header :matches "subject" "*have?a*"', ""),
    ('header :matches "subject" "have"', ""),
    ('header :matches "subject" "\\\\[acme-users\\\\] *"', ""),
    ('header :matches "subject" "*"', ""),
    ('header :matches "x-none" "*"', ""),
    ('header :is "x-empty" ""', ""),
    ('header :contains "x-empty" ""', ""),
    ('header :contains "x-none" ""', ""),
    ('header :contains ["x-none","x-many"] ["zwei","TWO"]', ""),
    ('header :is "from" "Wile E. Coyote <coyote@desert.example.org>"', ""),
    ('not header :is "from" "x"', ""),
    ('exists ["from","date"]', ""),
    ('exists ["from","x-none"]', ""),
    ('exists "x-empty"', ""),
    ("size :over 100", ""),
    ("size :under 100K", ""),
    ("size :over 1M", ""),
    ("allof (true, not false, anyof (false, true))", ""),
    ("anyof (false, false)", ""),
    ('address :is "from" "coyote@desert.example.org"', ""),
    ('address :is :domain "from" "DESERT.example.org"', ""),
    ('address :localpart :is "from" "coyote"', ""),
    ('address :all :contains ["to","cc"] "second@acme"', ""),
    ('address :is "cc" "two@x.example"', ""),
    ('address :is "cc" "team"', ""),
    ('address :comparator "i;octet" :is :domain "to" "ACME.example.com"', ""),
    ('address :user :is "to" "roadrunner"', ', "subaddress"'),
    ('address :detail :is "to" "birds"', ', "subaddress"'),
    ('address :detail :is "from" ""', ', "subaddress"'),
    ('address :detail :contains "from" ""', ', "subaddress"'),
    ('envelope :is "from" "coyote@desert.example.org"', ', "envelope"'),
    ('envelope :domain :is "from" "desert.example.org"', ', "envelope"'),
    ('envelope :all :is "to" "roadrunner+birds@acme.example.com"', ', "envelope"'),
    ('envelope :detail :is "to" "birds"', ', "envelope", "subaddress"'),
    ('header :count "eq" "x-many" "3"', R),
    ('header :count "ge" :comparator "i;ascii-numeric" ["x-many","from"] "4"', R),
    ('address :count "gt" :comparator "i;ascii-numeric" ["to","cc"] "3"', R),
    ('address :count "eq" :comparator "i;ascii-numeric" "cc" "2"', R),
    ('header :value "gt" :comparator "i;ascii-numeric" "x-priority" "9"', R),
    ('header :value "gt" "x-priority" "9"', R),
    ('header :value "lt" :comparator "i;ascii-numeric" "subject" "99999"', R),
    ('header :value "ne" :comparator "i;ascii-numeric" "x-priority" "012"', R),
    ('header :comparator "i;ascii-numeric" :is "x-priority" "0012"', R),
    ('envelope :count "eq" "from" "1"', ', "envelope"' + R),
    ('header :index 2 :is "x-many" "two"', ', "index"'),
    ('header :index 1 :last :is "x-many" "three"', ', "index"'),
    ('header :index 4 :is "x-many" "three"', ', "index"'),
    ('date :originalzone :is "date" "hour" "09"', ', "date"'),
    ('date :zone "+0000" :is "date" "hour" "17"', ', "date"'),
    ('date :zone "-0830" :is "date" "time" "08:36:31"', ', "date"'),
    ('date :originalzone :is "date" "weekday" "2"', ', "date"'),
    ('date :originalzone :is "date" "julian" "50539"', ', "date"'),
    ('date :originalzone :is "date" "iso8601" "1997-04-01T09:06:31-08:00"', ', "date"'),
    ('date :originalzone :is "date" "std11" "Tue, 01 Apr 1997 09:06:31 -0800"', ', "date"'),
    ('date :originalzone :is "date" "zone" "-0800"', ', "date"'),
    ('date :originalzone :is "received" "second" "35"', ', "date"'),
    ('date :originalzone :index 1 :last :is "received" "second" "33"', ', "date", "index"'),
    ('date :value "ge" :originalzone "date" "year" "1997"', ', "date"' + R),
    ('date :is "subject" "year" "1997"', ', "date"'),
    ('currentdate :value "ge" "year" "2020"', ', "date"' + R),
    ('currentdate :zone "+0100" :matches "zone" "+0100"', ', "date"'),
    ('body :contains "anvil"', ', "body"'),
    ('body :raw :contains "BEEP beep $$$"', ', "body"'),
    ('body :text :contains "السلام"', ', "body"'),
    ('body :content "text" :contains "café"', ', "body"'),
    ('body :content "text/html" :contains "<b>noir"', ', "body"'),
    ('body :content "text/plain" :contains "noir"', ', "body"'),
    ('body :content "" :contains "nested body"', ', "body"'),
    ('body :content "multipart" :contains "prologue"', ', "body"'),
    ('body :content "multipart" :contains "epilogue"', ', "body"'),
    ('body :content "multipart" :contains "noir"', ', "body"'),
    ('body :content "message/rfc822" :contains "Subject: inside"', ', "body"'),
    ('body :content "message/rfc822" :contains "nested"', ', "body"'),
    ('body :content "/text" :contains ""', ', "body"'),
    ('header :contains "subject" "Réunion de décembre"', ""),
    ('header :is "from" "أمينة <amina@x.example>"', ""),
    ('header :matches "subject" "R?union*"', ""),
    ('string :is "${x}" ""', V),
    ('string :matches "a.b.c" "*.*"', V),
    ('string :count "eq" ["", "a", "b"] "2"', V + R),
    ('hasflag "x"', ', "imap4flags"'),
]
SCRIPTS = [
    "",
    "keep;",
    "discard;",
    "stop; discard;",
    "keep; keep; discard;",
    'require "fileinto"; fileinto "a"; fileinto "a"; fileinto "b";',
    'require ["fileinto","copy"]; fileinto :copy "a";',
    'redirect "a@x.example";',
    'require "copy"; redirect :copy "a@x.example"; redirect "b@x.example";',
    'redirect "a@x.example"; redirect "A@x.example"; redirect "a@x.example";',
    'if header :contains "from" "coyote" { discard; } elsif true { keep; } else { redirect "a@x.example"; }',
    'if false { discard; } elsif false { keep; } else { redirect "a@x.example"; }',
    'require "reject"; reject "no thanks";',
    'require "reject"; discard; reject "no";',
    'require "vacation"; vacation "gone";',
    'require "vacation"; vacation :days 3 :subject "s" :addresses ["a@x.example"] :handle "h" "gone";',
    'require ["vacation","vacation-seconds"]; vacation :seconds 1800 "gone";',
    'require "imap4flags"; setflag "\\\\Seen"; addflag ["\\\\Flagged", "work urgent"]; removeflag "work"; keep;',
    'require "imap4flags"; addflag "\\\\Seen";',
    'require ["imap4flags","fileinto"]; addflag "a"; fileinto :flags "b" "x"; fileinto "y"; keep;',
    'require ["imap4flags","fileinto"]; fileinto :flags "a" "x"; fileinto :flags "b" "x";',
    'require ["imap4flags","variables"]; addflag "mine" ["\\\\Answered", "$x"]; keep :flags "${mine}";',
    'require ["imap4flags"]; addflag "\\\\Recent \\\\Bogus ok"; keep;',
    'require ["imap4flags","fileinto"]; addflag ["A","a","B"]; if hasflag :contains "b" { fileinto "yes"; }',
    'require ["imap4flags","fileinto","relational","comparator-i;ascii-numeric"]; addflag ["A","a","B"];'
    ' if hasflag :count "eq" :comparator "i;ascii-numeric" "2" { fileinto "yes"; }',
    'require ["variables","fileinto"]; if header :matches "subject" "[*] *" { fileinto "lists/${1}"; }',
    'require ["variables","fileinto"]; if address :matches "to" "*+*@*.*" { fileinto "${1}-${2}-${3}-${4}"; }',
    'require ["variables","fileinto"]; if header :matches :comparator "i;ascii-casemap" "subject" "*USERS*A?P*" {'
    ' fileinto "${0}|${1}|${2}|${3}|${4}"; }',
    'require ["variables","fileinto"]; if string :matches "aXbXc" "*X*" { fileinto "${1},${2}"; }',
    'require ["variables","fileinto"]; if string :matches "aXbXc" "?*" { fileinto "${1},${2}"; }',
    'require ["variables","fileinto"]; if string :matches "aaa" "*a?" { fileinto "x${1},${2}"; }',
    'require ["variables","fileinto"]; set "A" "juMBlEd lETteRS"; set :lower "b" "${a}";'
    ' set :lowerfirst :upper "c" "${a}"; set :upperfirst :lower "d" "${A}"; fileinto "${b}/${c}/${d}";',
    'require ["variables","fileinto"]; set :length "b" "été"; set :quotewildcard "c" "Rock*a?b\\\\"; fileinto "${b}-${c}";',
    'require ["variables","fileinto"]; set :quotewildcard :upper :length "b" "a*b"; fileinto "n${b}";',
    'require ["variables","fileinto"]; set "company" "ACME"; fileinto "${}-${1}-${company}-${Company}-$${company}-${president}-&%${}!";',
    'require ["variables","fileinto"]; set "a" "${a}x"; set "a" "${a}x"; fileinto "${a}";',
    'require ["variables","fileinto"]; set "x" "o"; if header :matches "subject" "*${x}r*" { fileinto "never"; }'
    ' else { fileinto "other-${1}"; }',
    'require ["encoded-character","fileinto"]; fileinto "${hex:41 42}${unicode:0633}${hex: 24}{x}";',
    'require ["encoded-character","variables","fileinto"]; set "b" "z"; fileinto "${hex:24}{b}${hex:zz}";',
    'require "fileinto"; # comment\n/* another\n */ fileinto "a" ;',
    'require ["date","fileinto","variables"]; if date :matches :originalzone "date" "date" "*-*-*" { fileinto "${1}/${2}"; }',
    'require ["body","variables","fileinto"]; if string :matches "abc" "a*" { if body :matches "*anvil*" { fileinto "kept-${1}"; } }',
    'require ["mailbox","fileinto"]; fileinto :create "new/one";',
    'require ["fileinto","duplicate"]; if duplicate { fileinto "again"; } else { fileinto "first"; }',
]
BROKEN = [
    "keep",
    "keep; }",
    'fileinto "a";',
    'require ["nonsense"];',
    'keep; require "fileinto";',
    'redirect "not an address";',
    'redirect "a@@x";',
    "if true keep;",
    "if { keep; }",
    "else { keep; }",
    'if header "a" { keep; }',
    'if header :is :matches "a" "b" { keep; }',
    'if header :unknown "a" "b" { keep; }',
    'if header :comparator "i;nope" "a" "b" { keep; }',
    'require ["comparator-i;ascii-numeric"]; if header :contains :comparator "i;ascii-numeric" "a" "b" { keep; }',
    "if size 3 { keep; }",
    "if size :over 1X { keep; }",
    "if anyof () { keep; }",
    "if not (true) { keep; }",
    "if anyof true { keep; }",
    "if (true) { keep; }",
    'if address :is "subject" "x" { keep; }',
    'require "envelope"; if envelope "nonsense" "x" { keep; }',
    'require ["variables","fileinto"]; set "a b" "x";',
    'require "variables"; set :lower :upper "a" "b";',
    'require ["date","index"]; if date :last "date" "hour" "1" { keep; }',
    'require "relational"; if header :count "xx" "a" "1" { keep; }',
    'require "vacation"; vacation;',
    'require "vacation"; vacation :days "3" "x";',
    'require "vacation"; vacation :from "nobody" "x";',
    'require "encoded-character"; redirect "${unicode:D800}@x";',
    'require "fileinto"; fileinto "open',
    'require "fileinto"; fileinto text:\nno end\n',
    "/* open",
    "keep; \x00",
    'discard "x";',
    "stop 3;",
    "if exists [] { keep; }",
]
CLASHING = [  # they compile, and cannot go on
    'require "reject"; reject "no"; reject "again";',
    'require ["reject","fileinto"]; fileinto "a"; reject "no";',
    'require ["reject","vacation"]; vacation "x"; reject "no";',
    'require "reject"; redirect "a@x.example"; reject "no";',
    'require "vacation"; vacation "a"; vacation "b";',
]
# Where we read the standards more strictly, and say so to the author at once: RFC 5229 §3 wants an error for namespaces that were
# not required; date parts and zones that there are not would silently match nothing.
STRICTER = [
    'require ["variables","fileinto"]; fileinto "a${ns.x}";',
    'require "date"; if date "date" "era" "x" { keep; }',
    'require "date"; if currentdate :zone "CET" "hour" "1" { keep; }',
]
CASES = (
    [(filing(condition, require), True) for condition, require in CONDITIONS]
    + [(s, True) for s in SCRIPTS]
    + [(s, False) for s in (*BROKEN, *CLASHING)]
)


@pytest.fixture(scope="module")
def folder():
    """Where the oracle reads: its user is another one."""
    with tempfile.TemporaryDirectory(prefix="diwan-sieve-") as name:
        pigeonhole.prepare(Path(name))
        yield Path(name)


def ours(script, letter):
    """Return what we would do, in the oracle's words."""
    try:
        compiled = compile(script)
        raw = letter
        outcome = compiled.run(Letter(index(raw).header, len(raw), SENDER, RECIPIENT, raw), 1_700_000_000_000_000)
    except SieveError:
        return "error"
    return [_shown(action) for action in outcome.actions]


def _shown(action):
    match action:
        case Keep(flags):
            return ("store", "INBOX", tuple(sorted(flag.lower() for flag in flags)))
        case FileInto(mailbox, flags):
            return ("store", mailbox, tuple(sorted(flag.lower() for flag in flags)))
        case Redirect(address):
            return ("redirect", address)
        case Reject(reason):
            return ("reject", reason)
        case Vacation(_, period_s):
            return ("vacation", str(period_s))


@pytest.mark.peer
@pytest.mark.parametrize("name", LETTERS)
def test_the_same_actions(folder, name):
    wrong = []
    for script, sound in CASES:
        if not sound and name == "mime":
            continue  # does not depend on the message
        theirs = pigeonhole.run(folder, script.encode(), LETTERS[name], SENDER, RECIPIENT)
        mine = ours(script.encode(), LETTERS[name])
        if mine != theirs or (theirs == "error") == sound:
            wrong.append((script, mine, theirs))
    assert wrong == []


@pytest.mark.peer
@pytest.mark.parametrize("script", STRICTER)
def test_where_we_are_stricter(folder, script):
    assert ours(script.encode(), PLAIN) == "error"
    assert pigeonhole.run(folder, script.encode(), PLAIN, SENDER, RECIPIENT) != "error"
