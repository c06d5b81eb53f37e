"""Read CSV and Parquet as tables of texts; what cannot be read for certain is refused, never guessed."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import PurePath

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from panel.errors import SourceError, Where, printable
from panel.ports import Source

MOST_BYTES = 1 << 30
MOST_COLUMNS = 5_000
MOST_CELL = 100_000
_DELIMITERS = (",", ";", "\t")
_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"$FL2", "an SPSS file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


class CsvSource:
    """Comma, semicolon or tab separated UTF-8 text with a heading, also gzipped."""

    name = "csv"

    def reads(self, filename: str, content: bytes) -> bool:
        """Say whether these bytes may be such text: whatever is not known to be something else."""
        del filename
        return not content.startswith(b"PAR1") and _other_kind(content) is None

    def table(self, filename: str, content: bytes) -> pd.DataFrame:
        """
        Return one row a response, every cell a text; the index is the row in the file, the heading being row 1.

        Raises:
            SourceError: not UTF-8, empty, no rows, headings repeated, or a row of another length.
        """
        text = _decoded(filename, _unzipped(filename, content))
        heading = text.split("\n", 1)[0]
        rows = _rows(filename, text, _delimiter(filename, heading))
        return _checked(filename, rows, ends_whole=text.endswith(("\n", "\r")))


class ParquetSource:
    """Parquet with flat columns; numbers, dates and truth values become texts in one form."""

    name = "parquet"

    def reads(self, filename: str, content: bytes) -> bool:
        """Say whether the bytes begin as Parquet does."""
        del filename
        return content.startswith(b"PAR1")

    def table(self, filename: str, content: bytes) -> pd.DataFrame:
        """
        Return one row a response, every cell a text: whole numbers without ".0", dates as in ISO 8601, null as "".

        Raises:
            SourceError: it cannot be read, has no rows, or a column holds lists or records.
        """
        try:
            table = pq.read_table(io.BytesIO(content))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                "The file begins as Parquet and cannot be read as Parquet.",
                where=Where(file=filename),
                fix="export it again; it may have been cut off",
            ) from error
        if table.num_rows == 0:
            raise _no_rows(filename)
        _unique(filename, table.column_names)
        columns = {name: _texts(filename, name, table.column(name)) for name in table.column_names}
        return pd.DataFrame(columns, index=pd.RangeIndex(2, table.num_rows + 2))


SOURCES: tuple[Source, ...] = (ParquetSource(), CsvSource())


def source_for(filename: str, content: bytes) -> Source:
    """
    Return the source that reads these bytes, by what they are and not by what the name says.

    Raises:
        SourceError: none does; says what the bytes look like, and which kinds are read.
    """
    if not content.strip():
        raise SourceError("The file is empty.", where=Where(file=filename), fix="export it again")
    for source in SOURCES:
        if source.reads(filename, content):
            return source
    raise SourceError(
        f"This is {_other_kind(content)}, which is not read.",
        where=Where(file=filename),
        fix="export the responses as CSV (UTF-8, one row a response) or as Parquet",
    )


def _other_kind(content: bytes) -> str | None:
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((kind for magic, kind in _OTHER_KINDS if start.lower().startswith(magic.lower())), None)


def _unzipped(filename: str, content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            plain = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(
            "The gzip file is damaged.", where=Where(file=filename), fix="send it again; it may have been cut off"
        ) from error
    if len(plain) > MOST_BYTES:
        raise SourceError("The file is over 1 GiB when unpacked.", where=Where(file=filename), fix="split it in parts")
    return plain


def _decoded(filename: str, content: bytes) -> str:
    if b"\0" in content:
        raise SourceError(
            "The file holds zero bytes: it is not UTF-8 text.", where=Where(file=filename), fix="save it as CSV (UTF-8)"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(
            f"The text is not UTF-8: byte {content[error.start]:#04x} does not fit.",
            where=Where(file=filename, row=line),
            fix="save it as CSV (UTF-8); it may be in a Windows code page",
        ) from error


def _delimiter(filename: str, heading: str) -> str:
    counts = {mark: heading.count(mark) for mark in _DELIMITERS if mark in heading}
    if len(counts) > 1:
        outside = next(csv.reader([heading], delimiter=max(counts, key=lambda mark: counts[mark])))
        if any(mark in name for name in outside for mark in counts):
            raise SourceError(
                f"The heading has {' and '.join(repr(mark) for mark in counts)}: which one divides the columns?",
                where=Where(file=filename, row=1),
                fix="use one of comma, semicolon and tab in the heading",
            )
    return max(counts, key=lambda mark: counts[mark]) if counts else ","


def _rows(filename: str, text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    previous = csv.field_size_limit(MOST_CELL)
    try:
        rows.extend(reader)
    except csv.Error as error:
        raise SourceError(
            f"The row cannot be read: {error}.",
            where=Where(file=filename, row=len(rows) + 1),
            fix='a quote that opens must close; write a quote inside a cell as ""',
        ) from error
    finally:
        csv.field_size_limit(previous)
    return rows


def _checked(filename: str, rows: list[list[str]], *, ends_whole: bool) -> pd.DataFrame:
    heading, *body = rows
    names = [name.strip() for name in heading]
    _unique(filename, names)
    if not body:
        raise _no_rows(filename)
    if len(body[-1]) < len(names) and not ends_whole:
        raise SourceError(
            f"The last row ends after {len(body[-1])} of {len(names)} cells: the file was cut off.",
            where=Where(file=filename, row=len(rows)),
            fix="send the whole file again",
        )
    for number, row in enumerate(body, 2):
        if len(row) != len(names) and row:
            raise SourceError(
                f"The row has {len(row)} cells and the heading {len(names)}.",
                where=Where(file=filename, row=number),
                fix="quote cells that hold the separator, and send the file again",
            )
    blank = [""] * len(names)
    columns = list(zip(*(row or blank for row in body), strict=True))
    data = {name: pd.array(column, dtype="str") for name, column in zip(names, columns, strict=True)}
    return pd.DataFrame(data, index=pd.RangeIndex(2, len(body) + 2))


def _unique(filename: str, names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise SourceError(
            f"The file has {len(names):,} columns; {MOST_COLUMNS:,} are read.", where=Where(file=filename, row=1)
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise SourceError(
            f"The heading has {', '.join(repr(printable(name)) for name in twice[:5])} more than once.",
            where=Where(file=filename, row=1),
            fix="keep one column of each name",
        )


def _no_rows(filename: str) -> SourceError:
    return SourceError(
        "The file has a heading and no rows.", where=Where(file=PurePath(filename).name), fix="export it again"
    )


def _texts(filename: str, name: str, column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_nested(kind):
        raise SourceError(
            "The column holds lists or records.", where=Where(file=filename, column=name), fix="give one value a cell"
        )
    values = column.to_pandas(types_mapper=pd.ArrowDtype)
    if pa.types.is_floating(kind):
        texts = [_number(value) for value in column.to_pylist()]
    elif pa.types.is_boolean(kind):
        texts = ["" if value is None else str(int(value)) for value in column.to_pylist()]
    elif pa.types.is_temporal(kind):
        texts = ["" if value is None else value.isoformat() for value in column.to_pylist()]
    else:
        texts = values.astype("str").where(values.notna(), "").tolist()
    return pd.Series(pd.array(texts, dtype="str"), index=pd.RangeIndex(2, len(texts) + 2))


def _number(value: float | None) -> str:
    if value is None or value != value:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
