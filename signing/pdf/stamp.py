"""The stamp that people see on a signed page: who, in which function, by which delegation, when, and a QR code. ISO 32000-1 §12.5.5.

Arabic is shaped by HarfBuzz with a font that is embedded in part, and stands from right to left; numbers and Latin letters in it do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont
from pyhanko.pdf_utils.content import AppearanceContent, ResourceType
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import BasePdfFileWriter

from signing import qr
from signing.pdf import bidi
from signing.pdf.types import Stamp

LATIN, ARABIC = "NotoSans-Regular.ttf", "NotoNaskhArabic-Regular.ttf"
WIDTH, PADDING, GAP = 236.0, 7.0, 8.0  # points: a third of the width of A4
CODE_WIDTH = 74.0  # 26 mm: a telephone reads 49 modules of half a millimetre
SMALLEST = 0.6  # of its size, to which a line shrinks before it is cut in two
LATIN_LEADING, ARABIC_LEADING = 1.3, 1.62  # of the size: vowel signs stand above and below
LAYOUT = ("GSUB", "GPOS", "GDEF")  # HarfBuzz has read them; cutting them down for nobody takes a second
INK, RULE = b"0.07 0.22 0.36", b"0.55 0.62 0.7"
TITLES = {"ar": "وُقّع إلكترونيًّا", "fr": "Signé électroniquement"}
SIGNED = {"ar": "في", "fr": "le"}
CERTIFICATE = {"ar": "الشهادة", "fr": "Certificat"}
SHOWN_SERIAL = 16  # digits: who compares more looks into the file


class NoFont(Exception):
    """The directory of fonts does not hold what the stamp needs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text at a size in points."""

    text: str
    size: float


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Octets that draw a piece of text, and how far it reaches at size one."""

    font: str
    operators: bytes
    width: float


class Typesetter:
    """Shapes text with the fonts of one document. A font is embedded once for each direction that it is used in."""

    def __init__(self, writer: BasePdfFileWriter, directory: str) -> None:
        self._writer, self._directory = writer, directory
        self.fonts: dict[str, GlyphAccumulator] = {}

    def shape(self, text: str, *, rtl: bool) -> list[Glyphs]:
        """Return a line from its left edge on."""
        return [self._glyphs(piece, run.rtl, latin=latin) for run in bidi.runs(text, rtl=rtl) for piece, latin in self._pieces(run)]

    def width(self, text: str, *, rtl: bool) -> float:
        """Return how wide a line is at size one."""
        return sum(one.width for one in self.shape(text, rtl=rtl))

    def _pieces(self, run: bidi.Run) -> Iterator[tuple[str, bool]]:
        """Cut a run where the font changes, from the left edge on."""
        covered = _characters(self._directory, ARABIC)
        pieces: list[tuple[str, bool]] = []
        for one in run.text:
            latin = ord(one) not in covered if run.rtl else not _is_arabic(one)
            if pieces and pieces[-1][1] == latin:
                pieces[-1] = (pieces[-1][0] + one, latin)
            else:
                pieces.append((one, latin))
        yield from reversed(pieces) if run.rtl else pieces

    def _glyphs(self, text: str, rtl: bool, *, latin: bool) -> Glyphs:
        name = f"/{'Latin' if latin else 'Arabic'}{'R' if rtl else 'L'}"
        if name not in self.fonts:
            handle = BytesIO(_font(self._directory, LATIN if latin else ARABIC))
            direction = "rtl" if rtl else "ltr"
            self.fonts[name] = made = GlyphAccumulator(self._writer, handle, font_size=1, writing_direction=direction)
            for table in LAYOUT:
                made.tt.reader.tables.pop(table, None)
        shaped = self.fonts[name].shape(text)
        return Glyphs(name, shaped.graphics_ops, float(shaped.x_advance))


class Drawing(AppearanceContent):
    """The stamp as something that a page can hold; as high as its text asks for."""

    def __init__(self, writer: BasePdfFileWriter, stamp: Stamp) -> None:
        self._stamp, self._setter = stamp, Typesetter(writer, stamp.fonts)
        self._rtl = stamp.language == "ar"
        self._code = qr.rows(stamp.code) if stamp.code else ()
        self._text_width = WIDTH - 2 * PADDING - (CODE_WIDTH + GAP if self._code else 0)
        self._lines = [line for wanted in _lines(stamp) for line in self._fit(wanted)]
        height = max(sum(map(_leading, self._lines)), CODE_WIDTH if self._code else 0) + 2 * PADDING
        super().__init__(writer, BoxConstraints(width=WIDTH, height=height))

    @property
    def height(self) -> float:
        """How high it is, in points."""
        return float(self.box.height)

    def render(self) -> bytes:
        """Return the operators that draw it."""
        drawn = [b"q", *self._frame(), *self._text(), *self._modules(), b"Q"]
        for name, font in self._setter.fonts.items():
            self.set_resource(ResourceType.FONT, pdf_name(name), font.as_resource())
            font.prepare_write()  # type: ignore[no-untyped-call]
        return b"\n".join(drawn)

    def _fit(self, line: Line) -> list[Line]:
        """Return a line that fits: smaller, or cut in two between words."""
        size = min(line.size, self._text_width / max(0.01, self._setter.width(line.text, rtl=self._rtl)))
        words = line.text.split(" ")
        if size >= line.size * SMALLEST or len(words) < 2:
            return [Line(line.text, size)]
        cuts = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
        best = min(cuts, key=lambda cut: max(self._setter.width(half, rtl=self._rtl) for half in cut))
        widest = max(self._setter.width(half, rtl=self._rtl) for half in best)
        return [Line(half, min(line.size, self._text_width / widest)) for half in best]

    def _frame(self) -> Iterator[bytes]:
        yield b"1 1 1 rg %g %g %g %g re f" % (0, 0, WIDTH, self.height)
        yield b"%s RG 0.8 w %g %g %g %g re S" % (RULE, 0.4, 0.4, WIDTH - 0.8, self.height - 0.8)
        edge = WIDTH - 1.6 if self._rtl else 1.6
        yield b"%s RG 2.4 w %g 0.8 m %g %g l S" % (INK, edge, edge, self.height - 0.8)

    def _text(self) -> Iterator[bytes]:
        y = self.height - PADDING
        yield b"%s rg" % INK
        for line in self._lines:
            y -= _leading(line)
            pieces = self._setter.shape(line.text, rtl=self._rtl)
            left = WIDTH - PADDING - sum(one.width for one in pieces) * line.size if self._rtl else PADDING
            baseline = y + _leading(line) * 0.32
            for one in pieces:
                yield b"BT %s 1 Tf %g 0 0 %g %g %g Tm %s ET" % (one.font.encode(), line.size, line.size, left, baseline, one.operators)
                left += one.width * line.size

    def _modules(self) -> Iterator[bytes]:
        """Draw the code on the far side of the text; neighbours in a row are one rectangle, so that no seam shows."""
        if not self._code:
            return
        module = CODE_WIDTH / (len(self._code) + 4)  # two of the four quiet ones are the stamp's own white
        left = (PADDING if self._rtl else WIDTH - PADDING - CODE_WIDTH) + 2 * module
        top = (self.height + CODE_WIDTH) / 2 - 2 * module
        yield b"0 g"
        for number, row in enumerate(self._code, 1):
            for start, length in _stretches(row):
                yield b"%.3f %.3f %.3f %.3f re" % (left + start * module, top - number * module, length * module, module * 1.02)
        yield b"f"


def _lines(stamp: Stamp) -> Iterator[Line]:
    """Return what stands on the stamp, from the top."""
    words = stamp.language
    yield Line(TITLES[words], 7.5)
    if stamp.formula:
        yield Line(stamp.formula, 8.5)
    yield Line(stamp.name, 11.5)
    for text in (stamp.function, stamp.organisation):
        if text:
            yield Line(text, 8.5)
    if stamp.moment:
        yield Line(f"{SIGNED[words]} {stamp.moment}", 7.5)
    if stamp.serial:
        yield Line(f"{CERTIFICATE[words]} {stamp.serial[:SHOWN_SERIAL]}", 6.5)


def _stretches(row: bytes) -> Iterator[tuple[int, int]]:
    """Return where black begins in a row, and for how long."""
    start = row.find(1)
    while start >= 0:
        end = row.find(0, start)
        end = len(row) if end < 0 else end
        yield start, end - start
        start = row.find(1, end)


def _leading(line: Line) -> float:
    return line.size * (ARABIC_LEADING if any(map(_is_arabic, line.text)) else LATIN_LEADING)


def _is_arabic(character: str) -> bool:
    return "\u0600" <= character <= "\u08ff" or "\ufb50" <= character <= "\ufefc"


@lru_cache(4)
def _font(directory: str, name: str) -> bytes:
    try:
        return (Path(directory) / name).read_bytes()
    except OSError as reason:
        raise NoFont(name) from reason


@lru_cache(4)
def _characters(directory: str, name: str) -> frozenset[int]:
    with TTFont(BytesIO(_font(directory, name))) as font:
        return frozenset(font.getBestCmap())
