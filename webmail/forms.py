"""Forms as values: what a browser posted, within limits, translated once at the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.requests import Request

MAX_FIELDS = 2_000
MAX_FILES = 100
MAX_FIELD_BYTES = 4 * 1024 * 1024  # the text of a letter; files are counted by the limit of the whole request


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a form."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; a field may stand several times."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: tuple[Upload, ...] = ()

    def text(self, name: str) -> str:
        """Return a field as it was typed, line breaks as LF, or "" when it is absent."""
        values = self.fields.get(name)
        return values[0].replace("\r\n", "\n") if values else ""

    def number(self, name: str) -> int:
        """Return a field as a number; 0 when it is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    def numbers(self, name: str) -> list[int]:
        """Return every value of a field that is a number, ascending, each once."""
        return sorted({int(text) for text in self.fields.get(name, ()) if text.isascii() and text.isdigit() and len(text) < 19})


async def read(request: Request) -> Form:
    """Read the form of a request, urlencoded or multipart."""
    fields: dict[str, list[str]] = {}
    files: list[Upload] = []
    async with request.form(max_fields=MAX_FIELDS, max_files=MAX_FILES, max_part_size=MAX_FIELD_BYTES) as posted:
        for name, value in posted.multi_items():
            if isinstance(value, UploadFile):
                if value.filename:
                    files.append(Upload(value.filename, value.content_type or "application/octet-stream", await value.read()))
            else:
                fields.setdefault(name, []).append(value)
    return Form(fields, tuple(files))
