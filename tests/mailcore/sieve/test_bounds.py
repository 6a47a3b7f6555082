"""Whatever the octets, a script is refused in words or runs within its bounds. Pure."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailcore.message import addresses, content
from mailcore.message.index import index
from mailcore.sieve import glob, limits
from mailcore.sieve.commands import COMMANDS
from mailcore.sieve.compile import announced, compile
from mailcore.sieve.conditions import TESTS
from mailcore.sieve.faults import Fault, SieveError
from mailcore.sieve.letter import Letter

WORDS = [
    *COMMANDS, *TESTS, "if", "elsif", "else", "require", "not", "allof", "anyof", "true", "false",
    *(f":{tag}" for shape, _ in (*COMMANDS.values(), *TESTS.values()) for tag in shape.tags or {}),
    *["{", "}", "(", ")", "[", "]", ",", ";"], '"a"', '"*"', '"${a}${1}"', '"from"', '"x@y.example"', "1K", "3", '"\\\\Seen"',
    "text:\nx\n.\n",
    "# c\n",
    f'require [{",".join(chr(34) + name + chr(34) for name in announced())}];', 'if header :matches "from" "*a*" { keep; }',
]  # fmt: skip
RAW = b"From: Amina <aaaa@x.example>\r\nTo: b@y.example\r\nSubject: aaaa\r\n\r\nbody aaaa\r\n"


def attempt(octets, raw=RAW):
    """Compile and run; only SieveError may come."""
    try:
        compiled = compile(octets)
        return compiled.run(Letter(index(raw).header, len(raw), "a@x.example", "b@y.example", raw), 10**15)
    except SieveError as error:
        return None if error.text and error.place.line >= 0 else "wordless"


@given(st.binary(max_size=300))
@example(b'require "variables"; set "a" "${99999999999999999999}"; set "b" "${a.b}";')
@example(b'if header :value "gt" :comparator "i;ascii-numeric" "subject" "9" { keep; }')
@example(b"size :over 99999999999999999999999999999999999G;")
def test_any_octets_give_a_script_or_a_reason(octets):
    assert attempt(octets) != "wordless"


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words_give_a_script_or_a_reason(words):
    assert attempt((WORDS[-2] + " ".join(words)).encode()) != "wordless"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_letter_is_read(head, body):
    script = (
        'require ["body","date","index","variables","subaddress","relational","comparator-i;ascii-numeric","comparator-i;unicode-casemap"];'
        'if anyof(header :matches :comparator "i;unicode-casemap" ["from","to","subject"] "*a?b*", address :detail "from" "x",'
        ' date :originalzone "date" "iso8601" "x", body :content "" :contains "zz", body :raw :contains "zz", body :contains "zz",'
        ' header :value "gt" :comparator "i;ascii-numeric" "subject" "5") { keep; }'
    )
    raw = (
        b"From: " + head + b"\r\nDate: " + head + b"\r\nSubject: " + body + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + body
    )
    assert attempt(script.encode(), raw) is not None


@given(st.text("ab*?\\", max_size=12), st.text("ab\\*é", max_size=12))
def test_wildcards_are_those_of_a_regular_expression(pattern, value):
    shape, chars = "", iter(pattern)
    for char in chars:
        if char == "*":
            shape += "(.*?)"
        elif char == "?":
            shape += "(.)"
        else:
            shape += re.escape(next(chars, "\\") if char == "\\" else char)
    want = re.fullmatch(shape, value, re.DOTALL)
    got = glob.match(glob.compile(pattern), value)
    assert (got is None) == (want is None)
    if got is not None and want is not None:
        assert [value[a:b] for a, b in got] == list(want.groups())


DEEP = limits.MAX_NESTING


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (b"#" * (limits.MAX_SCRIPT_BYTES + 1), Fault.TOO_LARGE),
        (b"if true {" * DEEP + b"keep;" + b"}" * DEEP, None),
        (b"if true {" * (DEEP + 1) + b"keep;" + b"}" * (DEEP + 1), Fault.TOO_DEEP),
        (b"if " + b"not " * (DEEP - 1) + b"true { keep; }", None),
        (b"if " + b"not " * DEEP + b"true { keep; }", Fault.TOO_DEEP),
        (b"if " + b"anyof(" * 10_000, Fault.TOO_DEEP),
        (b"if header [" + b'"a",' * limits.MAX_LIST + b'"a"] "b" {}', Fault.LONG_LIST),
        (b"a" * 33 + b";", Fault.LONG_NAME),
        (b"if size :over 2147483648 {}", Fault.BIG_NUMBER),
        (b"if size :over 2G {}", Fault.BIG_NUMBER),
        (b"if size :over 2147483647 {}", None),
        (b"".join(b'redirect "a%d@x.example";' % n for n in range(6)), Fault.TOO_MANY_REDIRECTS),
        (b'require "fileinto";' + b"".join(b'fileinto "%d";' % n for n in range(33)), Fault.TOO_MANY_ACTIONS),
        (b'require "variables";' + b"".join(b'set "v%d" "";' % n for n in range(256)), Fault.TOO_MANY_VARIABLES),
        (b"\xff", Fault.NOT_UTF8),
        (b"keep;\n\x00", Fault.BAD_CHARACTER),
        (b"keep;\rkeep;", Fault.BAD_CHARACTER),
    ],
)
def test_each_limit_has_its_words(script, fault):
    try:
        compile(script).run(Letter(index(RAW).header, len(RAW), "a@x.example", "b@y.example", RAW), 0)
        found = None
    except SieveError as error:
        found = error.fault
    assert found is fault


@pytest.mark.parametrize(
    ("script", "line", "column"),
    [
        ("keep;\r\n  nonsense;", 2, 3),
        ('keep;\n\n# كلمة\nif header :is "a" "b" { bad; }', 4, 25),
        ('require "fileinto"; fileinto "abc', 1, 30),
        ("keep;\n/* open", 2, 1),
        ('require "variables"; set text:\nabc\n.\n "x"; bad;', 1, 26),
        ('require ["fileinto",\n "oops"];', 2, 2),
        ("keep", 1, 5),
    ],
)
def test_an_error_names_its_place(script, line, column):
    with pytest.raises(SieveError) as refused:
        compile(script.encode())
    assert (refused.value.place.line, refused.value.place.column) == (line, column)


BOMBS = [
    'require ["variables"];' + 'set "a" "aaaaaaaaaaaaaaaa";' + 'set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";' * 2000,
    'require "body";' + 'if body :matches "*a?a?a?a?a?a?a?a?a?a?a?a?b*" { keep; }' * 1000,
    'require "body";' + 'if body :content "" :matches "' + "?a" * 2000 + '" { keep; }' * 5,
    'if header :matches "subject" "' + "*a" * 20_000 + '" { keep; }',
    'require ["comparator-i;unicode-casemap", "body"];' + 'if body :comparator "i;unicode-casemap" :matches "*é?*" { keep; }' * 1000,
    'if header :contains ["from"] [' + ",".join(f'"{n}"' for n in range(2000)) + "] { keep; }",
    'require "variables"; set "a" "' + "x" * 4000 + '";' + 'if string :matches "" "*${a}*" { keep; }' * 3000,
]


@pytest.mark.parametrize("bomb", range(len(BOMBS)))
def test_a_run_ends_within_its_bounds(bomb):
    raw = RAW + b"a" * 3_000_000
    started = time.process_time()
    attempt(BOMBS[bomb].encode()[: limits.MAX_SCRIPT_BYTES], raw)
    assert time.process_time() - started < 3  # of the processor; unbounded, each would take minutes


@pytest.mark.parametrize("line_break", ["${hex:0d}", "${hex:0a}", "${hex:0d 0a}", "${hex:0d 00}", "${hex:00 0a}"])
def test_an_entity_of_a_script_brings_no_header_field_of_its_own(line_break):
    script = f'require ["vacation","encoded-character"]; vacation :mime "Content-Type: text/plain{line_break}From: <c@z.example>\r\n\r\nx";'
    with pytest.raises(SieveError) as refused:
        compile(script.encode()).run(Letter(index(RAW).header, len(RAW), "a@x.example", "b@y.example", RAW), 10**15)
    assert refused.value.fault is Fault.BAD_MIME


def counted(module, name, monkeypatch):
    """How often a function is called, by what it is given."""
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda given: calls.append(given) or real(given))
    return calls


def test_what_many_tests_look_at_is_read_once(monkeypatch):
    read, stripped = counted(addresses, "mailboxes", monkeypatch), counted(content, "without_tags", monkeypatch)
    raw = b"From: a@x.example\r\nTo: c@y.example\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
    script = 'require ["body","index"];' + 'if body :contains "z" { keep; } if address :index 1 :is ["to", "from"] "z" { keep; }' * 100
    assert attempt(script.encode(), raw).actions
    assert (len(read), len(stripped)) == (2, 2)  # the preview in the index strips the page too


@pytest.mark.parametrize(("tests", "marks"), [(30, 30), (40, None), (1500, None)])
def test_a_letter_leaves_few_marks(tests, marks):
    script = 'require "duplicate";' + "".join(f'if duplicate :uniqueid "{n}" {{ keep; }}' for n in range(tests))
    outcome = attempt(script.encode())
    assert outcome is None if marks is None else len(outcome.marks) == marks
