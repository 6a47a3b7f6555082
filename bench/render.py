"""Tables of figures as plain text, as Markdown for docs/performance.md and as JSON. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.figures import Board, Row, Values

BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
HEAD = ("measure", "ours", "peer", "", "ratio", "bar", "aim", "")
MET = {None: "met", True: "bar and aim met", False: "bar met, aim missed"}  # by whether the aim is met
MISSED = ("ahead, bar missed", "BEHIND, bar missed", "BEHIND")
DISTURBED = 0.1  # share of the cores that other programs may take before rates mean little


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run."""

    date: str
    machine: str
    versions: tuple[str, ...]
    transport: str  # of the IMAP connections: "plain TCP" or "TLS"; "" without any
    seconds: float
    others: float  # share of the cores that other programs took during the run
    board: Board
    ours: str


def number(value: float) -> str:
    """Write a figure with three significant digits or so."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float) -> str:
    """Write a ratio; bars reach down to 0.002."""
    if ratio < 0.1:
        return f"x{ratio:.2g}"
    return f"x{ratio:.2f}" if ratio < 10 else f"x{ratio:.0f}"


def side(values: Values | None, unit: str) -> str:
    """Write a median with its unit; a dash when it was not measured."""
    return f"{number(values.median)} {unit}" if values is not None else "-"


def bound(row: Row, asked: float | None) -> str:
    """Write the bar or the aim of a row."""
    if asked is None:
        return ""
    return f"{'>=' if row.measure.better == 'higher' else '<='} {asked:.3g}"


def standing(row: Row) -> str:
    """Say where ours stands: the bar met and the aim or not, ahead of the peer without meeting it, or behind."""
    if row.ahead is None:
        return ""
    if row.met:
        return MET[row.aimed]
    if row.ahead:
        return "ahead" if row.met is None else "ahead, bar missed"
    return "BEHIND" if row.met is None else "BEHIND, bar missed"


def verdict(row: Row) -> str:
    """Say where ours stands, and whether to believe it."""
    noise = max((each.spread for each in (row.ours, row.peer) if each is not None), default=0.0)
    words = [standing(row), f"noisy (spread {noise:.0%})" if row.noisy else ""]
    return ", ".join(word for word in words if word)


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of one line."""
    ratio = times(row.ratio) if row.ratio is not None else ""
    unit = row.measure.unit
    return (row.measure.title, side(row.ours, unit), side(row.peer, unit), row.peer_name, ratio,
            bound(row, row.bar), bound(row, row.aim), verdict(row))  # fmt: skip


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Lay cells out in columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    right = {1, 2, 4}
    lines = [
        "  ".join(cell.rjust(width) if place in right else cell.ljust(width)
                  for place, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]  # fmt: skip
    return "\n".join(lines)


def head(report: Report) -> list[str]:
    """Return the lines that say when, where and with what."""
    return [
        f"{report.date}: {report.machine}",
        f"{'; '.join(report.versions)};{f' IMAP over {report.transport};' if report.transport else ''} took {report.seconds:.0f} s",
        f"a value is the median of the interleaved rounds; {disturbance(report.others)}",
    ]


def disturbance(others: float) -> str:
    """Say how much of the machine other programs had."""
    said = f"other programs took {others:.0%} of the cores meanwhile"
    return f"{said}: TOO MUCH TO QUOTE RATES, look at the CPU per operation" if others > DISTURBED else said


def text(report: Report) -> str:
    """Render for a terminal."""
    rows = [HEAD, *(cells(row) for row in report.board.rows(report.ours))]
    lines = [*head(report), "", aligned(rows)]
    lines += ["", *(f"note: {note}" for note in report.board.notes)] if report.board.notes else []
    return "\n".join(lines) + "\n"


def summary(rows: Sequence[Row]) -> list[str]:
    """Say how many bars are met, and name what is missed or behind."""
    judged = [row for row in rows if row.met is not None]
    aimed = [row for row in rows if row.aimed is not None]
    aims = f", {sum(1 for row in aimed if row.aimed)} of {len(aimed)} aims" if aimed else ""
    lines = [f"{sum(1 for row in judged if row.met)} of {len(judged)} bars{aims} met."]
    for word in MISSED:
        named = [f"{row.measure.title} (x{row.ratio:.2f} of {row.peer_name})" for row in rows if standing(row) == word]
        lines += [f"{word[0].upper()}{word[1:].lower()}: {'; '.join(named)}."] if named else []
    return lines


def parts(report: Report) -> dict[str, Report]:
    """Divide a report into those of the parts of docs/performance.md, named by what the keys of their measures begin with."""
    found: dict[str, Board] = {}
    for key, measure in report.board.measures.items():
        board = found.setdefault(key.partition("/")[0], Board(notes=report.board.notes))
        board.measures[key] = measure
        board.values.update({(one, server): values for (one, server), values in report.board.values.items() if one == key})
    return {name: replace(report, board=board) for name, board in found.items()}


def markdown(report: Report, name: str) -> str:
    """Render a part of docs/performance.md, between its two marks."""
    rows = report.board.rows(report.ours)
    titles = ("measure", "ours", "peer", "which", "ratio", "bar", "aim", "verdict")
    table = [titles, tuple("---" for _ in titles), *(cells(row) for row in rows)]
    lines = [BEGIN.format(name), "", *(f"{line}  " for line in head(report)), "", *(f"- {line}" for line in summary(rows)), ""]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    lines += ["", *(f"- {note}" for note in report.board.notes)] if report.board.notes else []
    return "\n".join([*lines, "", END.format(name)])


def replaced(document: str, part: str, name: str) -> str:
    """Put a rendered part between its marks in a document, or at the end when it has none."""
    before, found, rest = document.partition(BEGIN.format(name))
    if not found:
        return f"{document.rstrip()}\n\n{part}\n"
    _, closing, after = rest.partition(END.format(name))
    return before + part + (after if closing else "\n")


def as_dict(report: Report) -> dict[str, Any]:
    """Return everything as plain values for JSON, with the value of every round."""
    rows = [
        {
            "measure": row.measure.key, "unit": row.measure.unit, "better": row.measure.better, "peer": row.peer_name,
            "ours": list(row.ours.values) if row.ours else None, "peer_values": list(row.peer.values) if row.peer else None,
            "ratio": row.ratio, "bar": row.bar, "met": row.met, "aim": row.aim, "aimed": row.aimed, "noisy": row.noisy,
        }
        for row in report.board.rows(report.ours)
    ]  # fmt: skip
    return {
        "date": report.date, "machine": report.machine, "versions": list(report.versions), "others": report.others,
        "transport": report.transport, "seconds": report.seconds, "rows": rows, "notes": report.board.notes,
    }  # fmt: skip
