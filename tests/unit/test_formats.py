"""CSV files of a release: no text in them is run by a spreadsheet, however many rows are written at a time."""

from pathlib import Path

import pandas as pd
import pytest

from panel.publish import formats
from panel.publish.formats import harmless, write_csv


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), ("＝1", "'＝1"), ("-5", "-5"), ("+3.5", "+3.5"), ("-5\n", "'-5\n"), ("a=1", "a=1"), ("", ""),
    ],
)  # fmt: skip
def test_a_spreadsheet_never_runs_a_text(text: str, safe: str) -> None:
    """OWASP's list of openings gets an apostrophe; a text that is only a number does not need it."""
    assert harmless(text) == safe


def test_numbers_stay_numbers_in_csv(tmp_path: Path) -> None:
    """A loss of 1200.5 is a negative number, not a text with an apostrophe."""
    write_csv(pd.DataFrame({"profit": [-1200.5, None], "note": ["=1", None]}), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "profit,note\n-1200.5,'=1\n,\n"


def test_a_table_written_some_rows_at_a_time_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are made into text at once, names, texts made harmless, nulls and numbers are the same."""
    frame = pd.DataFrame(
        {
            "member": [f"m{number}" if number % 3 else None for number in range(11)],
            "=note": ["=1", "plain", None, "-", "1.50", "@x", "a,b", 'c"d', "+5", "", "e\nf"],
            "income": pd.array([None, 1, 2, 3, None, 5, 6, 7, 8, 9, 10], dtype="Int64"),
            "weight": [0.1 + 0.2, None, 1e-12, 3.0, 1e20, 5.5, 6.0, 7.0, 8.0, 9.0, 10.0],
            "is_true": pd.array([True, None, False] * 3 + [True, None], dtype="boolean"),
        }
    )
    whole = b"""member,'=note,income,weight,is_true
,'=1,,0.30000000000000004,True
m1,plain,1,,
m2,,2,1e-12,False
,'-,3,3.0,True
m4,1.50,,1e+20,
m5,'@x,5,5.5,False
,"a,b",6,6.0,True
m7,"c""d",7,7.0,
m8,+5,8,8.0,False
,,9,9.0,True
m10,"e
f",10,10.0,
"""
    for rows in (100, 4, 1):
        monkeypatch.setattr(formats, "ROWS", rows)
        write_csv(frame, tmp_path / "x.csv")
        assert (tmp_path / "x.csv").read_bytes() == whole
    write_csv(frame.iloc[:0], tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == whole.splitlines(keepends=True)[0]
