"""What the tables hold: every measure with its unit and the bars for the ratio ours / peer. Pure."""

from bench.figures import Measure

OURS, POSTFIX, DOVECOT = "diwan", "postfix", "dovecot"
ASKED = "asked"  # stands where a peer stands: a figure that is asked for as such
CONNECTIONS = (1, 10, 50)


def by_connections(key: str, title: str, unit: str, better: str, bars: dict[int, dict[str, float]]) -> dict[int, Measure]:
    """Make one measure for each number of connections."""
    return {
        count: Measure(f"{key}/{count}", title.format(n="1 connection" if count == 1 else f"{count} connections"), unit,
                       better, bars.get(count, {}))  # type: ignore[arg-type]
        for count in CONNECTIONS
    }  # fmt: skip


STORED = by_connections(
    "smtp/stored", "durable in the mailbox, {n}", "msg/s", "higher",
    {1: {POSTFIX: 2, DOVECOT: 1.5}, 10: {POSTFIX: 5, DOVECOT: 2}, 50: {POSTFIX: 6, DOVECOT: 2.5}},
)  # fmt: skip
ACCEPTED = by_connections("smtp/p99", "final 250 p99, {n}", "ms", "lower", {50: {POSTFIX: 0.1}})
DELIVERY_CPU = by_connections("smtp/cpu", "server CPU a message, {n}", "us", "lower", {})


def beside_dovecot(key: str, title: str, unit: str, bar: float, aim: float) -> Measure:
    """Make a measure of the IMAP table: a rate is better higher, a time lower."""
    return Measure(f"imap/{key}", title, unit, "lower" if unit == "ms" else "higher", {DOVECOT: bar}, {DOVECOT: aim})


def cpu(key: str, title: str) -> Measure:
    """Make a measure of the server's CPU, without a bar: noise touches it least."""
    return Measure(f"imap/{key}-cpu", f"server CPU {title}", "us", "lower")


FLAGS = beside_dovecot("flags", "FETCH 1:* (UID FLAGS), large mailbox", "msg/s", 1, 1.8)
ENVELOPES = beside_dovecot("envelopes", "FETCH 1:* envelopes and structures, warm", "msg/s", 3, 8)
ENVELOPES_CPU = cpu("envelopes", "a message, envelopes and structures, warm")
ENVELOPES_FIRST = beside_dovecot("envelopes-first", "FETCH 1:* envelopes and structures, first time", "msg/s", 10, 30)
HEADERS = beside_dovecot("headers", "FETCH 1:* Thunderbird's headers, warm", "msg/s", 0.7, 1.5)
HEADERS_CPU = cpu("headers", "a message, Thunderbird's headers, warm")
HEADERS_FIRST = beside_dovecot("headers-first", "FETCH 1:* Thunderbird's headers, first time", "msg/s", 2, 6)
PAGE = beside_dovecot("page", "page of 50 envelopes p50", "ms", 0.6, 0.25)
PAGE_P99 = Measure("imap/page-p99", "page of 50 envelopes p99", "ms", "lower")
PAGE_CPU = cpu("page", "a page of 50 envelopes")
BODIES = beside_dovecot("bodies", "FETCH 1:* bodies", "MB/s", 0.5, 1)
BODIES_CPU = cpu("bodies", "a message, all bodies")
BODY = beside_dovecot("body", "one body after the other", "per s", 0.5, 1)
BODY_CPU = cpu("body", "a body, one after the other")
STORE = beside_dovecot("store", "STORE one by one (ours durable)", "per s", 0.3, 1)
STORE_CPU = cpu("store", "a STORE")
STORE_RANGE = beside_dovecot("store-range", "STORE 1:* (ours durable)", "ms", 1 / 0.3, 1)
APPEND = {
    1: beside_dovecot("append/1", "APPEND of 10 KB, 1 connection", "per s", 1, 2),
    20: beside_dovecot("append/20", "APPEND of 10 KB, 20 connections", "per s", 1.5, 4),
}
APPEND_CPU = {count: cpu(f"append/{count}", f"an APPEND, {measure.title.partition(', ')[2]}") for count, measure in APPEND.items()}
SELECT = beside_dovecot("select", "SELECT of the large mailbox, again", "ms", 1, 0.7)
SELECT_COLD = beside_dovecot("select-cold", "SELECT of the large mailbox, cold", "ms", 5, 1)
NOOP = {
    1: beside_dovecot("noop/1", "NOOP, 1 connection", "per s", 0.5, 1),
    50: beside_dovecot("noop/50", "NOOP, 50 connections", "per s", 3, 8),
}
NOOP_CPU = {count: cpu(f"noop/{count}", f"a {measure.title}") for count, measure in NOOP.items()}
FLAG = {
    1: beside_dovecot("flag/1", "FETCH n FLAGS, 1 connection", "per s", 0.5, 1),
    50: beside_dovecot("flag/50", "FETCH n FLAGS, 50 connections", "per s", 3, 8),
}
FLAG_CPU = {count: cpu(f"flag/{count}", f"a {measure.title}") for count, measure in FLAG.items()}
SEARCH_FROM = beside_dovecot("search-from", "SEARCH FROM, warm", "ms", 0.5, 0.1)
SEARCH_BODY = beside_dovecot("search-body", "SEARCH BODY word", "ms", 0.02, 0.002)
SEARCH_TEXT = beside_dovecot("search-text", "SEARCH TEXT word", "ms", 0.02, 0.002)
SEARCH_BEHIND = Measure("imap/search-behind", "SEARCH TEXT word at once after the last APPEND", "ms", "lower")
EXISTS = beside_dovecot("exists", "250 to EXISTS at an idling client, p50", "ms", 0.02, 0.005)
EXISTS_P99 = Measure("imap/exists-p99", "250 to EXISTS at an idling client, p99", "ms", "lower")
SIGN_IN = beside_dovecot("sign-in", "sign-in with a cached password, 20 connections", "per s", 3, 10)
SIGN_IN_CPU = cpu("sign-in", "a sign-in")

HIBERNATING = "dovecot, hibernating"
MEMORY_KB = {"plain": (15, 4), "TLS": (60, 30)}  # of an idle session: bar, aim


def memory(sessions: int, transport: str) -> Measure:
    """Make the measure of what an idle session costs."""
    bar, aim = MEMORY_KB[transport]
    title = f"memory of an idle session, {sessions:,} at once, {transport}"
    return Measure(f"imap/memory/{transport}/{sessions}", title, "KB", "lower", {ASKED: 1}, {ASKED: aim / bar})
