"""Read CSV and Parquet as tables of texts; what cannot be read for certain is refused, never guessed."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from panel.errors import SourceError, Where, printable
from panel.ports import Source

MOST_BYTES = 1 << 30
MOST_COLUMNS = 5_000
MOST_CELL = 100_000
MOST_CELLS = 50_000_000
_DELIMITERS = (",", ";", "\t")
_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"$FL2", "an SPSS file"),
    (b"<stata_dta", "a Stata file"),
    (b"<", "a web page or XML"),
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
        heading = re.split("[\r\n]", text, maxsplit=1)[0]
        if not heading.strip():
            raise SourceError(
                "The first line is blank." if text.strip() else "The file is empty.",
                where=Where(file=filename, row=1),
                fix="export it again, with the headings of the columns on the first line",
            )
        rows = _rows(filename, text, _delimiter(filename, heading))
        return _checked(filename, rows, ends_whole=text.endswith(("\n", "\r")))

    def blanked(self, filename: str, content: bytes, rows: Collection[int]) -> bytes:
        """Return the bytes with every cell of these rows (the heading being row 1) empty; all others as they were."""
        text = _decoded(filename, _unzipped(filename, content))
        delimiter = _delimiter(filename, re.split("[\r\n]", text, maxsplit=1)[0])
        lines = list(io.StringIO(text, newline="" if "\n" in text else None))
        reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
        made, begin = [], 0
        for number, row in enumerate(reader, 1):
            own = lines[begin : reader.line_num]
            end = own[-1][len(own[-1].rstrip("\r\n")) :]
            made += [delimiter * (len(row) - 1) + end] if number in rows else own
            begin = reader.line_num
        mark = codecs.BOM_UTF8 if _unzipped(filename, content).startswith(codecs.BOM_UTF8) else b""
        plain = mark + "".join(made).encode()
        return gzip.compress(plain, mtime=0) if content.startswith(b"\x1f\x8b") else plain


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
            file = pq.ParquetFile(io.BytesIO(content))
            names = _headings(filename, file.schema_arrow.names)
            _limit_parquet(filename, file.metadata)
            table = file.read()
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                "The file begins as Parquet and cannot be read as Parquet.",
                where=Where(file=filename),
                fix="export it again; it may have been cut off",
            ) from error
        if table.num_rows == 0:
            raise _no_rows(filename)
        columns = {name: _texts(filename, name, column) for name, column in zip(names, table.columns, strict=True)}
        return pd.DataFrame(columns, index=pd.RangeIndex(2, table.num_rows + 2))

    def blanked(self, filename: str, content: bytes, rows: Collection[int]) -> bytes:
        """Return the bytes with every cell of these rows (the first being row 2) null; all others as they were."""
        del filename
        table = pq.ParquetFile(io.BytesIO(content)).read()
        gone = pa.array([number in rows for number in range(2, table.num_rows + 2)])
        columns = [pc.if_else(gone, pa.scalar(None, column.type), column) for column in table.columns]
        sink = io.BytesIO()
        pq.write_table(pa.table(dict(zip(table.column_names, columns, strict=True))), sink)
        return sink.getvalue()


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
    # Line ends inside quotes stay as written; a lone CR ends a line only where the file has no other line ends.
    newline = "" if "\n" in text else None
    reader = csv.reader(io.StringIO(text, newline=newline), delimiter=delimiter, strict=True)
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
    names = _headings(filename, rows[0], rows)
    body = rows[1:]
    if not any(body):
        raise _no_rows(filename)
    width = len(rows[0])
    if len(body[-1]) < width and not ends_whole:
        raise SourceError(
            f"The last row ends after {len(body[-1])} of {width} cells: the file was cut off.",
            where=Where(file=filename, row=len(rows)),
            fix="send the whole file again",
        )
    for number, row in enumerate(body, 2):
        if len(row) != width and row:
            raise SourceError(
                f"The row has {len(row)} cells and the heading {width}.",
                where=Where(file=filename, row=number),
                fix="quote cells that hold the separator, and send the file again",
            )
    blank = [""] * width
    columns = list(zip(*(row or blank for row in body), strict=True))
    data = {name: pd.array(column, dtype="str") for name, column in zip(names, columns, strict=False)}
    return pd.DataFrame(data, index=pd.RangeIndex(2, len(body) + 2))


def _headings(filename: str, given: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> list[str]:
    """Return the headings without the spaces around them, and without nameless blank columns at the end."""
    where = Where(file=filename, row=1)
    if len(given) > MOST_COLUMNS:
        raise SourceError(
            f"The file has {len(given):,} columns; {MOST_COLUMNS:,} are read.",
            where=where,
            fix="export the questions of the study only",
        )
    names = [name.strip() for name in given]
    while rows and names and not names[-1] and not any("".join(row[len(names) - 1 :]).strip() for row in rows):
        names.pop()
    if "" in names:
        raise SourceError(
            f"Column {names.index('') + 1} has no heading.", where=where, fix="name every column, or leave it out"
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise SourceError(
            f"The heading has {', '.join(repr(printable(name)) for name in twice[:5])} more than once.",
            where=where,
            fix="keep one column of each name",
        )
    return names


def _limit_parquet(filename: str, metadata: pq.FileMetaData) -> None:
    """Refuse by its own account a file that would not fit in memory; a few bytes can stand for billions of rows."""
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if size > MOST_BYTES or metadata.num_rows * max(metadata.num_columns, 1) > MOST_CELLS:
        raise SourceError(
            f"The file has {metadata.num_rows:,} rows of {metadata.num_columns:,} columns: more than is read at once.",
            where=Where(file=filename),
            fix="split it in parts",
        )


def _no_rows(filename: str) -> SourceError:
    return SourceError("The file has a heading and no rows.", where=Where(file=filename), fix="export it again")


def _texts(filename: str, name: str, column: pa.ChunkedArray) -> pd.Series:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_binary(kind):
        raise SourceError(
            f"The column holds {kind}, which is no answer.",
            where=Where(file=filename, column=name),
            fix="give one text, number, date or yes or no a cell",
        )
    texts = ["" if value is None else _text(value) for value in _plain(column, kind)]
    return pd.Series(pd.array(texts, dtype="str"), index=pd.RangeIndex(2, len(texts) + 2))


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> list[object]:
    """Return the values as Python's own; a float of few bits by its shortest digits, as it was meant."""
    if pa.types.is_floating(kind) and kind.bit_width < 64:
        return [float(str(value)) for value in column.to_numpy()]
    values: list[object] = column.to_pylist()
    return values


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Decimal):
        return _number(float(value)) if value == Decimal(repr(float(value))) else f"{value:f}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _number(value: float) -> str:
    """Return the shortest digits that are this number, without exponent; nothing where it is not a number."""
    if value != value:
        return ""
    if value in (float("inf"), float("-inf")):
        return str(value)
    return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"
