"""Files as tables of texts: what is read, and what is refused and why."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from panel.errors import SourceError
from panel.sources import files
from panel.sources.files import source_for
from tests.factories import read

TWO = [["a", "1"], ["b", "2"]]


def refusal(content: bytes, filename: str = "export.csv") -> SourceError:
    """Return the error with which a file is refused; it names the file and says what to do."""
    with pytest.raises(SourceError) as caught:
        read(content, filename)
    assert caught.value.where.file == filename
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        b"id,x\na,1\nb,2\n", b"id;x\na;1\nb;2\n", b"id\tx\na\t1\nb\t2\n", b"\xef\xbb\xbfid,x\na,1\nb,2\n",
        b"id,x\r\na,1\r\nb,2\r\n", b"id,x\ra,1\rb,2\r", b"id,x\na,1\nb,2", b'"id","x"\n"a","1"\n"b","2"\n',
        b" id , x \na,1\nb,2\n", b"id,x,,\na,1,,\nb,2,,\n", gzip.compress(b"id,x\na,1\nb,2\n", mtime=0),
    ],
)  # fmt: skip
def test_one_table_in_many_forms(content):
    """Separators, line ends, byte order marks, quotes, nameless blank columns at the end and gzip change nothing."""
    table = read(content)
    assert list(table.columns) == ["id", "x"]
    assert table.to_numpy().tolist() == TWO
    assert list(table.index) == [2, 3]


def test_the_kind_is_told_by_the_bytes_and_not_by_the_name():
    """A gzip file without .gz is read, and Parquet named .csv too."""
    assert read(gzip.compress(b"id,x\na,1\n", mtime=0), "export.csv").shape == (1, 2)
    assert source_for("export.csv", parquet({"id": ["a"]})).name == "parquet"
    assert source_for("export.parquet", b"id,x\na,1\n").name == "csv"


def test_every_cell_is_a_text_as_written():
    """Nothing is a number, a date or a missing value yet; zeros in front stay, and so do spaces."""
    table = read(b"id,x\n007,NA\nnull, 1.0 \n,None\n=1+1,nan\n")
    assert table.to_numpy().tolist() == [["007", "NA"], ["null", " 1.0 "], ["", "None"], ["=1+1", "nan"]]
    assert {str(kind) for kind in table.dtypes} == {"str"}


def test_separators_quotes_and_line_ends_inside_quotes_belong_to_the_cell():
    """A cell of two lines is one cell, and the rows after it keep their numbers."""
    table = read(b'id,x\na,"one, ""two""\nthree"\nb,2\n')
    assert table["x"].tolist() == ['one, "two"\nthree', "2"]
    assert list(table.index) == [2, 3]


def test_a_comma_in_the_cells_does_not_make_it_the_separator():
    """The heading alone decides."""
    assert read(b"id;x\na;1,5\n")["x"].tolist() == ["1,5"]


def test_blank_lines_are_rows_of_blanks():
    """They are counted, so that row numbers and totals stay right; whoever types the rows ignores them."""
    assert read(b"id,x\n\na,1\n\n").to_numpy().tolist() == [["", ""], ["a", "1"], ["", ""]]


def test_one_column_needs_no_separator():
    """A file of ids only is a table of one column."""
    assert read(b"id\na\nb\n")["id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"), (b" \n\n", "empty"), (b"\xef\xbb\xbf", "empty"), (gzip.compress(b"", mtime=0), "empty"),
        (b"id,x\n", "no rows"), (b"id,x\n\n\n", "no rows"), (b"\nid,x\na,1\n", "first line is blank"),
        (b"id,id\na,b\n", "'id' more than once"), (b"id, id\na,b\n", "'id' more than once"),
        (b"id,,x\na,1,2\n", "Column 2 has no heading"), (b"id,\na,1\n", "Column 2 has no heading"),
        (b"id,x;y\na,1;2\n", "which one divides"), (b"i\0d,x\na,1\n", "zero bytes"),
        ("id,x\na,1\n".encode("utf-16"), "zero bytes"),
        (b"PK\x03\x04....", "an Excel workbook"), (b"\xd0\xcf\x11\xe0....", "an old Excel workbook"),
        (b"%PDF-1.4", "a PDF"),
        (b"<!DOCTYPE html>", "a web page"), (b"<table><tr>", "a web page"), (b"  <?xml version", "a web page"),
        (b"$FL2@(#)", "an SPSS file"), (b"<stata_dta>", "a Stata file"), (b'{"id": 1}', "JSON"), (b"[1]", "JSON"),
        (gzip.compress(b"id,x\na,1\n", mtime=0)[:-9], "gzip file is damaged"),
        (b"\x1f\x8b\x00\x00", "gzip file is damaged"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(content, what):
    """The message says what the file is or lacks."""
    assert what in str(refusal(content))


@pytest.mark.parametrize(
    ("content", "row", "what"),
    [
        (b"id,x\na,1\nb,2,3\n", 3, "3 cells and the heading 2"),
        (b"id,x\na,1\nb\nc,3\n", 3, "1 cells and the heading 2"),
        (b"id,x\na,1\nb", 3, "cut off"), (b'id,x\na,1\nb,"2\nc,3\n', 3, "cannot be read"),
        (b'id,x\na,"1"2\n', 2, "cannot be read"), (b"id,x\na,1\ncaf\xe9,2\n", 3, "not UTF-8: byte 0xe9"),
        (b"id,x\na," + b"1" * 100_001 + b"\n", 2, "cannot be read"),
    ],
)  # fmt: skip
def test_a_fault_says_its_row(content, row, what):
    """The heading is row 1."""
    error = refusal(content)
    assert error.where.row == row
    assert what in error.what


def test_a_gzip_file_that_swells_is_refused(monkeypatch):
    """A few bytes that unpack to more than the limit are not unpacked further."""
    monkeypatch.setattr(files, "MOST_BYTES", 1_000)
    assert "when unpacked" in refusal(gzip.compress(b"id,x\n" + b"a,1\n" * 10_000, mtime=0)).what


def test_a_file_of_too_many_columns_is_refused():
    """Nobody asks that many questions."""
    heading = ",".join(f"c{number}" for number in range(5_001))
    assert "5,001 columns" in refusal(f"{heading}\n{heading}\n".encode()).what


def test_marks_in_a_heading_do_not_reach_the_screen():
    """A heading cannot move the cursor of whoever reads the refusal."""
    assert "\x1b" not in str(refusal(b"\x1b[2J,\x1b[2J\na,b\n"))


def parquet(columns: dict[str, object], **more: object) -> bytes:
    """Return columns as the bytes of a Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **more)
    return out.getvalue()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, None, -3]), ["1", "", "-3"]), (pa.array([1.0, None, 0.1]), ["1", "", "0.1"]),
        (pa.array([float("nan"), 1e-5, 1e22]), ["", "0.00001", "1" + "0" * 22]),
        (pa.array([0.1, None, 2.5], pa.float32()), ["0.1", "", "2.5"]), (pa.array([True, None, False]), ["1", "", "0"]),
        (pa.array([Decimal("4.00"), None, Decimal("0.10")]), ["4", "", "0.1"]),
        (pa.array(["007", None, " x "]), ["007", "", " x "]), (pa.nulls(3), ["", "", ""]),
        (pa.array(["x", None, "x"]).dictionary_encode(), ["x", "", "x"]),
        (pa.array([date(2027, 3, 8), None, date(1999, 12, 31)]), ["2027-03-08", "", "1999-12-31"]),
        (pa.array([datetime(2027, 3, 8, 14, 30, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
         ["2027-03-08T14:30:00+00:00", "", ""]),
        (pa.array([datetime(2027, 3, 8, 14, 30), None, None], pa.timestamp("ns")), ["2027-03-08T14:30:00", "", ""]),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_typed_columns_become_texts_in_one_form(values, texts):
    """Whole numbers without ".0", no exponents, dates as in ISO 8601, yes as 1, null as blank."""
    table = read(parquet({"x": values}), "export.parquet")
    assert table["x"].tolist() == texts
    assert list(table.index) == [2, 3, 4]


@pytest.mark.parametrize(
    "values", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([timedelta(1)]), pa.array([b"\xff"])]
)
def test_columns_that_hold_no_answers_are_refused(values):
    """Lists, records, lengths of time and bytes are not answers."""
    assert refusal(parquet({"x": values}), "export.parquet").where.column == "x"


def test_parquet_is_held_to_the_rules_of_tables():
    """No rows, headings that are equal but for spaces, and a file that was cut off are refused."""
    assert "no rows" in refusal(parquet({"x": pa.array([], pa.string())}), "e.parquet").what
    assert "'x' more than once" in refusal(parquet({"x": ["a"], " x": ["b"]}), "e.parquet").what
    assert "cannot be read as Parquet" in refusal(parquet({"x": ["a"]})[:-10], "e.parquet").what


def test_a_parquet_file_that_swells_is_refused_by_its_own_account(monkeypatch):
    """A column of one value takes no room on disk, however many rows; it is refused before it is unpacked."""
    monkeypatch.setattr(files, "MOST_CELLS", 100_000)
    content = parquet({"x": pa.nulls(200_000)})
    assert len(content) < 2_000
    assert "200,000 rows of 1 columns" in refusal(content, "e.parquet").what
