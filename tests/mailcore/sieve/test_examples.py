"""The examples of the RFCs, each over letters that meet it and letters that do not."""

import pytest

from mailcore.message.index import index
from mailcore.sieve.compile import compile
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import FileInto, Keep, Redirect, Reject, Vacation

NOW_US = 1_700_000_000_000_000
# RFC 5228 §9: Message A and Message B
A = (
    "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\nFrom: coyote@desert.example.org\r\nTo: roadrunner@acme.example.com\r\n"
    "Subject: I have a present for you\r\n\r\nLook, I'm sorry about the whole anvil thing.\r\n"
)
B = (
    "From: youcouldberich!@reply-by-postal-mail.invalid\r\nSender: b1ff@de.res.example.com\r\nTo: rube@landru.example.com\r\n"
    "Date: Mon, 31 Mar 1997 18:26:10 -0800\r\nSubject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\r\n\r\n"
    "YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS!\r\n"
)


def run(script, raw=A, sender="coyote@desert.example.org", recipient="roadrunner@acme.example.com"):
    """What a script does, as short words."""
    octets = raw.encode()
    outcome = compile(script.encode()).run(Letter(index(octets).header, len(octets), sender, recipient, octets), NOW_US)
    return [_word(action) for action in outcome.actions]


def _word(action):
    match action:
        case Keep(flags):
            return " ".join(("keep", *flags))
        case FileInto(name, flags):
            return " ".join((f"into {name}", *flags))
        case Redirect(address):
            return f"to {address}"
        case Reject(reason):
            return f"reject {reason}"
        case Vacation(reason):
            return f"vacation {reason}"


def with_fields(**fields):
    """A letter with these fields."""
    return "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()) + "\r\nbody\r\n"


EXTENDED = """
# Example Sieve Filter
require ["fileinto"];
if header :is "Sender" "owner-ietf-mta-filters@imc.org"
        {
        fileinto "filter";  # move to "filter" mailbox
        }
elsif address :DOMAIN :is ["From", "To"] "example.com"
        {
        keep;               # keep in "In" mailbox
        }
elsif anyof (NOT address :all :contains
               ["To", "Cc", "Bcc"] "me@example.com",
             header :matches "subject"
               ["*make*money*fast*", "*university*dipl*mas*"])
        {
        fileinto "spam";   # move to "spam" mailbox
        }
else
        {
        fileinto "personal";
        }
"""
OF_5228 = [
    # §2.3
    ("if size :over 100K { # this is a comment\n   discard;\n}", A, ["keep"]),
    ("if size :over 100K { /* this is a comment\n   this is still a comment */ discard /* this is a comment\n  */ ;\n}", A, ["keep"]),
    # §2.4.2: multi-line
    ('require "reject"; reject text:\nThis is the first line.\n..dots\n.\n;', A, ["reject This is the first line.\r\n.dots\r\n"]),
    # §2.4.2.1
    ('if header :contains ["to", "cc"] ["me@example.com", "me00@landru.example.com"] { discard; }', A, ["keep"]),
    ('if header :contains ["to", "cc"] ["me@example.com", "roadrunner@acme"] { discard; }', A, []),
    # §2.4.2.4
    ('require ["encoded-character","fileinto"]; fileinto "$${hex:40}";', A, ["into $@"]),
    ('require ["encoded-character","fileinto"]; fileinto "${hex: 40 }";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${HEX: 40}";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${hex:40";', A, ["into ${hex:40"]),
    ('require ["encoded-character","fileinto"]; fileinto "${hex:400}";', A, ["into ${hex:400}"]),
    ('require ["encoded-character","fileinto"]; fileinto "${hex:4${hex:30}}";', A, ["into ${hex:40}"]),
    ('require ["encoded-character","fileinto"]; fileinto "${unicode:40}";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${ unicode:40}";', A, ["into ${ unicode:40}"]),
    ('require ["encoded-character","fileinto"]; fileinto "${UNICODE:40}";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${UnICoDE:0000040}";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${Unicode:40}";', A, ["into @"]),
    ('require ["encoded-character","fileinto"]; fileinto "${Unicode:Cool}";', A, ["into ${Unicode:Cool}"]),
    ('require ["encoded-character","fileinto"]; if header :contains "Subject" "$${hex:24 24}" { discard; } stop;', B, []),
    # §2.7.2 and §2.7.3
    (
        'if header :contains :comparator "i;octet" "Subject" "MAKE MONEY FAST" { discard; }',
        with_fields(Subject="make money fast"),
        ["keep"],
    ),
    ('if header :contains :comparator "i;octet" "Subject" "MAKE MONEY FAST" { discard; }', with_fields(Subject="MAKE MONEY FAST"), []),
    # §3.1
    (
        'require "fileinto"; if header :contains "from" "coyote" { discard; } elsif header :contains ["subject"] ["$$$"] { discard; }'
        ' else { fileinto "INBOX"; }',
        A,
        [],
    ),
    (
        'require "fileinto"; if header :contains "from" "coyote" { discard; } elsif header :contains ["subject"] ["$$$"] { discard; }'
        ' else { fileinto "INBOX"; }',
        B,
        [],
    ),
    (
        'if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; } elsif header :contains "Subject" "$$$" '
        '{ redirect "postmaster@example.com"; } else { redirect "field@example.com"; }',
        A,
        ["to acm@example.com"],
    ),
    (
        'if header :contains ["From"] ["coyote"] { redirect "acm@example.com"; } elsif header :contains "Subject" "$$$" '
        '{ redirect "postmaster@example.com"; } else { redirect "field@example.com"; }',
        B,
        ["to postmaster@example.com"],
    ),
    # §3.2
    ('require ["fileinto", "reject"]; require "vacation"; keep;', A, ["keep"]),
    # §4.1, §4.2
    ('require ["fileinto"]; if header :contains ["from"] "coyote" { fileinto "INBOX.harassment"; }', A, ["into INBOX.harassment"]),
    ('redirect "bart@example.com";', A, ["to bart@example.com"]),
    # §4.3, §4.4
    ("if size :under 1M { keep; } else { discard; }", A, ["keep"]),
    ("if not size :under 1M { discard; }", A, ["keep"]),
    ('if header :contains ["from"] ["idiot@example.com"] { discard; }', A, ["keep"]),
    ('if header :contains ["from"] ["idiot@example.com"] { discard; }', with_fields(From="idiot@example.com"), []),
    # §5.1
    ('if address :is :all "from" "tim@example.com" { discard; }', with_fields(From="Tim <tim@EXAMPLE.com>"), []),
    # §5.4
    ('require "envelope"; if envelope :all :is "from" "tim@example.com" { discard; }', A, ["keep"]),
    # §5.5 and §5.7
    ('if not exists ["From","Date"] { discard; }', A, ["keep"]),
    ('if not exists ["From","Date"] { discard; }', with_fields(From="x@y.example"), []),
    ('if header :is ["X-Caffeine"] [""] { discard; }', with_fields(X_Caffeine=""), []),
    ('if header :is ["X-Caffeine"] [""] { discard; }', with_fields(X_Caffeine="C8H10N4O2"), ["keep"]),
    ('if header :contains ["X-Caffeine"] [""] { discard; }', with_fields(X_Caffeine="C8H10N4O2"), []),
    ('if header :is ["X-Caffeine"] [""] { discard; }', A, ["keep"]),
    # §9
    (EXTENDED, A, ["into spam"]),
    (EXTENDED, B, ["into spam"]),
    (EXTENDED, with_fields(Sender="owner-ietf-mta-filters@imc.org"), ["into filter"]),
    (EXTENDED, with_fields(From="x@example.com"), ["keep"]),
    (EXTENDED, with_fields(Cc="me@example.com", Subject="hello"), ["into personal"]),
    (EXTENDED, with_fields(Cc="me@example.com", Subject="Make lots of Money very fast!!!"), ["into spam"]),
]
VARIABLES = 'require ["variables","fileinto"]; '
OF_5229 = [
    # §3
    (VARIABLES + 'set "company" "ACME"; fileinto "&%${}!";', A, ["into &%${}!"]),
    (VARIABLES + 'set "company" "ACME"; fileinto "${doh!}";', A, ["into ${doh!}"]),
    (VARIABLES + 'set "company" "ACME"; fileinto "${company}";', A, ["into ACME"]),
    (VARIABLES + 'set "company" "ACME"; fileinto "${BADLY";', A, ["into ${BADLY"]),
    (VARIABLES + 'set "company" "ACME"; fileinto "${President, ${Company} Inc.}";', A, ["into ${President, ACME Inc.}"]),
    # §3.2
    (
        VARIABLES + 'if header :matches "List-ID" "*<*@*" { fileinto "INBOX.lists.${2}"; stop; }',
        with_fields(List_ID="Talk <talk@l.example>"),
        ["into INBOX.lists.talk"],
    ),
    (
        VARIABLES + 'if header :matches "Subject" "[*] *" { fileinto "${2}|${1}"; }',
        with_fields(Subject="[acme-users] [fwd] version 1.0 is out"),
        ["into [fwd] version 1.0 is out|acme-users"],
    ),
    (
        VARIABLES + 'if address :all :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"] { fileinto "INBOX.business.${2}"; stop; }',
        with_fields(To="coyote@ACME.Example.COM"),
        ["into INBOX.business.ACME.Example"],
    ),
    # §4
    (VARIABLES + 'set "name" "Mr"; fileinto "Dear ${HONORIFIC}${name}";', A, ["into Dear Mr"]),
    # §4.1
    (VARIABLES + 'set "a" "juMBlEd lETteRS"; set :length "b" "${a}"; fileinto "${b}";', A, ["into 15"]),
    (VARIABLES + 'set "a" "juMBlEd lETteRS"; set :lower "b" "${a}"; fileinto "${b}";', A, ["into jumbled letters"]),
    (VARIABLES + 'set "a" "juMBlEd lETteRS"; set :upperfirst "b" "${a}"; fileinto "${b}";', A, ["into JuMBlEd lETteRS"]),
    (VARIABLES + 'set "a" "juMBlEd lETteRS"; set :upperfirst :lower "b" "${a}"; fileinto "${b}";', A, ["into Jumbled letters"]),
    (VARIABLES + 'set :quotewildcard "b" "Rock*"; fileinto "${b}";', A, ["into Rock\\*"]),
    # §5
    (
        VARIABLES + 'if header :matches "from" "*@*" { set "state" "${1}"; } if string :is "${state}" "coyote" { fileinto "yes"; }',
        A,
        ["into yes"],
    ),
    # §6: a value is never longer than it may be
    (
        VARIABLES + 'set "a" "xxxxxxxxxxxxxxxx";' + 'set "a" "${a}${a}${a}${a}";' * 8 + ' set :length "b" "${a}"; fileinto "${b}";',
        A,
        ["into 4096"],
    ),
]
VACATION = 'require "vacation"; '
OF_5230 = [
    (
        VACATION + 'vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] "I\'m away until October 19.'
        " If it's an emergency, call 911, I guess.\" ;",
        A,
        ["vacation I'm away until October 19. If it's an emergency, call 911, I guess.", "keep"],
    ),
    (
        VACATION + "vacation :mime text:\nContent-Type: multipart/alternative; boundary=foo\n\n--foo\n\nI'm at the beach.  There are no"
        " computers here.\n\n--foo\nContent-Type: text/html; charset=us-ascii\n\n<HTML></HTML>\n--foo--\n.\n;",
        A,
        None,
    ),
    (
        VACATION + 'if header :contains "from" "boss@example.edu" { redirect "pleeb@isp.example.org"; } else { vacation "Sorry, I\'m away,'
        " I'll read your message when I get around to it.\"; }",
        A,
        None,
    ),
    (VACATION + 'vacation :subject "Gone fishing" :from "Fisher <me@x.example>" :handle "h" "Gone";', A, ["vacation Gone", "keep"]),
]
RELATIONAL = 'require ["relational", "comparator-i;ascii-numeric", "fileinto", "envelope"]; '
GRADED = (
    RELATIONAL + 'if header :value "lt" :comparator "i;ascii-numeric" ["x-priority"] ["3"] { fileinto "Priority"; }'
    ' elsif address :count "gt" :comparator "i;ascii-numeric" ["to"] ["5"] { fileinto "SPAM"; }'
    ' elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] { fileinto "From N-Z"; }'
    ' else { fileinto "From A-M"; }'
    ' if allof ( address :count "eq" :comparator "i;ascii-numeric" ["to"] ["1"], address :all :comparator "i;ascii-casemap"'
    ' ["to"] ["me@foo.example.com"] ) { fileinto "Only me"; }'
)
MANY = with_fields(
    To="a@x.example, b@x.example, c@x.example",
    Cc="d@x.example",
    From="jdoe@example.com",
    Received="one\r\nReceived: two\r\nReceived: three",
)
OF_5231 = [  # §4.2, §5, §8
    (GRADED, with_fields(X_Priority="1", From="x@y.example", To="me@foo.example.com"), ["into Priority", "into Only me"]),
    (GRADED, with_fields(From="tina@x.example", To="a@b.example"), ["into From N-Z"]),
    (GRADED, with_fields(From="acm@x.example", To="a@b.example"), ["into From A-M"]),
    (GRADED, with_fields(From="acm@x.example", To=", ".join(f"u{n}@b.example" for n in range(6))), ["into SPAM"]),
    (RELATIONAL + 'if address :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"] { fileinto "yes"; }', MANY, ["into yes"]),
    (
        RELATIONAL
        + 'if anyof (address :count "ge" :comparator "i;ascii-numeric" ["to"] ["4"], address :count "ge" :comparator "i;ascii-numeric"'
        ' ["cc"] ["3"]) { fileinto "no"; }',
        MANY,
        ["keep"],
    ),
    (RELATIONAL + 'if header :count "ge" :comparator "i;ascii-numeric" ["received"] ["3"] { fileinto "yes"; }', MANY, ["into yes"]),
    (
        RELATIONAL + 'if header :count "ge" :comparator "i;ascii-numeric" ["received", "subject"] ["3"] { fileinto "yes"; }',
        MANY,
        ["into yes"],
    ),
    (RELATIONAL + 'if header :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"] { fileinto "no"; }', MANY, ["keep"]),
]
FLAGS = 'require ["imap4flags", "fileinto", "variables", "relational", "comparator-i;ascii-numeric"]; '
OF_5232 = [  # §3 to §5
    (FLAGS + 'if header :contains "from" "coyote" { setflag "\\\\Deleted"; } keep;', A, ["keep \\Deleted"]),
    (FLAGS + 'setflag "flagvar" "\\\\Flagged"; fileinto :flags "${flagvar}" "INBOX.From Boss";', A, ["into INBOX.From Boss \\Flagged"]),
    (
        FLAGS + 'addflag "flagvar" "\\\\Deleted"; addflag "flagvar" ["\\\\Answered"]; fileinto :flags "${flagvar}" "x";',
        A,
        ["into x \\Deleted \\Answered"],
    ),
    (FLAGS + 'addflag "flagvar" ["\\\\Deleted", "\\\\Answered"]; fileinto :flags "${flagvar}" "x";', A, ["into x \\Deleted \\Answered"]),
    (
        FLAGS + 'setflag "flagvar" "\\\\Flagged \\\\Answered x"; removeflag "flagvar" "\\\\Answered"; keep :flags "${flagvar}";',
        A,
        ["keep \\Flagged x"],
    ),
    (
        FLAGS + 'setflag "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk";'
        ' if hasflag "MyVar" "Junk" { fileinto "1"; } if hasflag "MyVar" ["forward", "Junk"] { fileinto "2"; }'
        ' if hasflag :contains "MyVar" "Junk" { fileinto "3"; } if hasflag :contains "MyVar" ["label", "forward"] { fileinto "4"; }'
        ' if hasflag :count "ge" :comparator "i;ascii-numeric" "MyVar" "2" { fileinto "5"; }'
        ' if hasflag "MyVar" "label" { fileinto "never"; }',
        A,
        ["into 1", "into 2", "into 3", "into 4", "into 5"],
    ),
    (
        FLAGS + 'if header :contains "Disposition-Notification-To" "mel@example.com" { addflag "$MDNRequired"; }'
        ' if header :contains "from" "coyote@desert.example.org" { setflag "\\\\Flagged"; fileinto "INBOX.From Boss"; }'
        ' fileinto :flags "\\\\Seen" "x"; keep;',
        A,
        ["into INBOX.From Boss \\Flagged", "into x \\Seen", "keep \\Flagged"],
    ),
    (FLAGS + 'if size :over 500K { setflag "\\\\Deleted"; }', A, ["keep"]),
    (FLAGS + 'addflag "\\\\Seen \\\\Flagged"; addflag "\\\\SEEN"; keep;', A, ["keep \\Seen \\Flagged"]),
]
SUB = 'require ["envelope", "subaddress", "fileinto"]; '
BY_DETAIL = (
    SUB + 'if address :detail "to" "mta-filters" { fileinto "inbox.ietf-mta-filters"; }'
    ' if allof ( header :contains "subject" "[", address :user "to" "roadrunner" ) { redirect "ken@x.example"; }'
    ' if envelope :detail "to" "mta-filters" { fileinto "env"; } if not envelope :detail :contains "to" "" { fileinto "none"; }'
)
OF_5233 = [  # §4, §5
    (BY_DETAIL, with_fields(To="ken+mta-filters@x.example", Subject="x"), ["into inbox.ietf-mta-filters", "into none"]),
    (BY_DETAIL, with_fields(To="roadrunner+x@x.example", Subject="[a]"), ["to ken@x.example", "into none"]),
    (SUB + 'if address :detail "to" "" { fileinto "empty"; }', with_fields(To="ken+@x.example"), ["into empty"]),
    (SUB + 'if address :detail :contains "to" "" { fileinto "some"; }', with_fields(To="ken@x.example"), ["keep"]),
    (SUB + 'if address :user "to" "ken" { fileinto "ken"; }', with_fields(To="ken+a+b@x.example"), ["into ken"]),
    (SUB + 'if address :detail "to" "a+b" { fileinto "rest"; }', with_fields(To="ken+a+b@x.example"), ["into rest"]),
]
BODY = 'require ["body", "fileinto", "variables"]; '
PARTS = (
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n& multi-part message in MIME format.\r\n--outer\r\n"
    "Content-Type: multipart/alternative; boundary=inner\r\n\r\nThis is a nested multi-part message in MIME format.\r\n--inner\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n\r\nHello\r\n--inner\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n"
    "<html><body>HTML Hello</body></html>\r\n--inner--\r\n\r\nThis is the end of the inner MIME multipart.\r\n--outer\r\n"
    "Content-Type: message/rfc822\r\n\r\nFrom: Someone Else\r\nSubject: hello request\r\n\r\nPlease say Hello\r\n--outer--\r\n"
    "This is the end of the outer MIME multipart.\r\n"
)
OF_5173 = [  # §4 to §6
    (BODY + 'if body :raw :contains "MAKE MONEY FAST" { fileinto "spam"; }', A.replace("Look", "make money fast"), ["into spam"]),
    (
        BODY + 'if body :content "text" :contains ["missile", "coordinates"] { fileinto "secrets"; }',
        A.replace("Look", "coordinates"),
        ["into secrets"],
    ),
    (BODY + 'if body :content "audio/mp3" :contains "" { fileinto "jukebox"; }', A, ["keep"]),
    (
        BODY + 'if body :text :contains "project schedule" { fileinto "project/schedule"; }',
        A.replace("Look", "project schedule"),
        ["into project/schedule"],
    ),
    (BODY + 'if body :content "text/html" :contains "HTML Hello" { fileinto "html"; }', PARTS, ["into html"]),
    (BODY + 'if body :content "text/plain" :contains "HTML" { fileinto "html"; }', PARTS, ["keep"]),
    (BODY + 'if body :content "multipart" :contains "nested multi-part" { fileinto "m"; }', PARTS, ["into m"]),
    (BODY + 'if body :content "multipart" :contains "end of the outer" { fileinto "m"; }', PARTS, ["into m"]),
    (BODY + 'if body :content "multipart" :contains "Hello" { fileinto "m"; }', PARTS, ["keep"]),
    (BODY + 'if body :content "message/rfc822" :contains "hello request" { fileinto "m"; }', PARTS, ["into m"]),
    (BODY + 'if body :content "message/rfc822" :contains "Please say" { fileinto "m"; }', PARTS, ["keep"]),
    (BODY + 'if body :content "" :contains "Please say" { fileinto "m"; }', PARTS, ["into m"]),
    (BODY + 'if body :matches "*anvil*" { fileinto "x${1}"; }', A, ["into x"]),
]
COPY = 'require ["copy", "fileinto"]; '
OF_3894 = [  # §2, §3
    (
        COPY + 'if header :contains "from" "coyote" { redirect :copy "pleeb@isp.example.org"; fileinto "x"; }',
        A,
        ["to pleeb@isp.example.org", "into x"],
    ),
    (COPY + 'fileinto :copy "incoming";', A, ["into incoming", "keep"]),
    (COPY + 'fileinto :copy "incoming"; discard;', A, ["into incoming"]),
]
OF_5429 = [
    (
        'require "reject"; if header :contains "from" "coyote@desert.example.org" { reject text:\nI am not taking mail from you, and I\n'
        "don't want\nyour birdseed, either!\n.\n ; }",
        A,
        ["reject I am not taking mail from you, and I\r\ndon't want\r\nyour birdseed, either!\r\n"],
    ),
    ('require "ereject"; if header :contains "from" "x@y" { ereject "no"; }', A, ["keep"]),
]
OF_5260 = [
    (
        'require ["date","relational","fileinto"]; if allof(header :is "from" "coyote@desert.example.org", date :value "ge"'
        ' :originalzone "date"'
        ' "hour" "09", date :value "lt" :originalzone "date" "hour" "17") { fileinto "urgent"; }',
        A,
        ["into urgent"],
    ),
    (
        'require ["date","relational","fileinto"]; if anyof(currentdate :is "weekday" "0",'
        ' currentdate :is "weekday" "6") { fileinto "weekend"; }',
        A,
        ["keep"],
    ),
    (
        'require ["date","relational"]; if allof(currentdate :value "ge" "date" "2023-11-14",'
        ' currentdate :value "le" "date" "2023-11-14") { discard; }',
        A,
        [],
    ),
]
EXAMPLES = {
    "5228": OF_5228, "5229": OF_5229, "5230": OF_5230, "5231": OF_5231, "5232": OF_5232, "5233": OF_5233, "5173": OF_5173, "3894": OF_3894,
    "5429": OF_5429, "5260": OF_5260,
}  # fmt: skip


@pytest.mark.parametrize(("rfc", "script", "raw", "want"), [(rfc, *case) for rfc, cases in EXAMPLES.items() for case in cases])
def test_an_example_of_the_rfc(rfc, script, raw, want):
    got = run(script, raw)
    assert got == want if want is not None else [word.partition(" ")[0] for word in got] == ["vacation", "keep"]


def test_a_variable_may_hold_several_lines():
    script = 'require ["variables","reject"]; set "name" text:\nCoyote\n.\n; reject "Dear ${name}";'
    assert run(script) == ["reject Dear Coyote\r\n"]


def test_mime_answers_keep_their_entity_and_say_one_when_they_are_none():
    script = 'require "vacation"; vacation :mime "Content-Type: text/html\\nContent-Language: ar\\n\\n<p>x</p>";'.replace("\\n", "\n")
    assert run(script)[0].startswith("vacation Content-Type: text/html")
