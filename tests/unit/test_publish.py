from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from panel.cite import cite
from panel.errors import DisclosureRefused, ReleaseExists, StorageError
from panel.model.results import ReleaseRecord
from panel.publish import FolderPublisher
from panel.publish.charts import Chart, specification
from panel.publish.content import held_counts, person_waves
from panel.publish.words import figure as shown
from tests.unit import release_factory as given


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a synthetic release."""
    return FolderPublisher().publish(given.content(), tmp_path_factory.mktemp("releases") / "2027.1").path


def everything(folder: Path) -> dict[str, str]:
    """Return the text of every file that is text."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".parquet"
    }


def test_a_release_holds_every_file(release: Path) -> None:
    """The folder has the tables in both forms, codebooks, checks, pages, charts, citation, readme and manifest."""
    names = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    tables = {f"{name}.{kind}" for name in ("person_waves", "tracking", "weights", "estimates", "predictions", "claims")
              for kind in ("parquet", "csv")}  # fmt: skip
    charts = {f"charts/income_fell{by}.{language}.svg" for by in ("", "-by-work") for language in ("nl", "en")}
    charts |= {f"charts/{name}.{language}.svg" for name in ("predicted-and-happened", "reliability")
               for language in ("nl", "en")}  # fmt: skip
    assert names == tables | charts | {
        "codebook.csv", "codebook.nl.html", "codebook.en.html", "checks.json", "held.csv", "index.html", "quality.html",
        "quality.nl.html",
        "index.nl.html", "CITATION.txt", "README.md", "manifest.json", "weight_diagnostics.json",
    }  # fmt: skip


def test_every_file_is_read_only_and_in_the_manifest(release: Path) -> None:
    """The manifest gives size and SHA-256 of every file but itself, and nobody can write to any."""
    manifest = json.loads((release / "manifest.json").read_text())
    for entry in manifest["files"]:
        path = release / entry["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        assert path.stat().st_size == entry["bytes"]
        assert path.stat().st_mode & 0o777 == 0o444
    assert {entry["name"] for entry in manifest["files"]} == {*everything(release), *_parquets(release)} - {
        "manifest.json"
    }
    assert manifest["is_synthetic"] is True
    assert manifest["threshold"] == 10
    assert manifest["tables"]["person_waves"]["rows"] == 48


def _parquets(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.parquet")}


def test_rows_about_members_are_marked_for_researchers(release: Path) -> None:
    """Only files about single members, and what made their weights, are not for everybody."""
    files = json.loads((release / "manifest.json").read_text())["files"]
    research = {entry["name"].split(".")[0] for entry in files if entry["audience"] == "research"}
    assert research == {"person_waves", "tracking", "weights", "claims", "weight_diagnostics"}


def test_the_same_content_is_the_same_release(release: Path) -> None:
    """Publishing again changes no file and returns what is there."""
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    again = FolderPublisher().publish(given.content(), release)
    assert again.digest == json.loads(again.manifest)["digest"] == FolderPublisher().digest(given.content())
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def test_other_content_is_refused(release: Path) -> None:
    """A published release is never overwritten."""
    with pytest.raises(ReleaseExists):
        FolderPublisher().publish(given.content(held=given.held().iloc[:0]), release)


def test_a_folder_that_is_no_release_is_left_alone(tmp_path: Path) -> None:
    """Somebody else's files are not overwritten; an empty folder is taken."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(ReleaseExists):
        FolderPublisher().publish(given.content(), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """Somebody who forces a change into a published file does not go unseen."""
    folder = FolderPublisher().publish(given.content(), tmp_path / "r").path
    (folder / "estimates.csv").chmod(0o644)
    (folder / "estimates.csv").write_text("indicator\n")
    with pytest.raises(StorageError) as error:
        FolderPublisher().publish(given.content(), folder)
    assert error.value.where is not None
    assert str(error.value.where.file).endswith("estimates.csv")


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Half a release beside the folder disappears with the next run, and no temporary folder stays."""
    half = tmp_path / ".r.abc.partial"
    half.mkdir()
    (half / "estimates.csv").write_text("half")
    FolderPublisher().publish(given.content(), tmp_path / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    """A parent that is a file ends in a sentence with a fix, not in a traceback, and leaves nothing behind."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as error:
        FolderPublisher().publish(given.content(), tmp_path / "file" / "r")
    assert error.value.fix


def test_words_of_members_and_unknown_columns_stay_inside(release: Path) -> None:
    """Open text, the hash of all answers, contact columns and household numbers are in no file."""
    columns = set(pd.read_parquet(release / "person_waves.parquet").columns)
    assert not columns & {"own_words", "own_words__missing", "response", "telephone", "birth_year"}
    for name, text in everything(release).items():
        assert "HYPERLINK" not in text, name
        assert "0612345678" not in text, name
        assert "house-" not in text, name


def test_years_of_birth_become_bands_of_five() -> None:
    """1977 is 1975-1979 and 1980 is 1980-1984; the exact year is gone."""
    released = person_waves(given.study(), given.person_waves())
    assert set(released["birth_year_band"]) == {"1975-1979", "1980-1984"}


def test_rare_answers_are_withheld_and_never_alone() -> None:
    """P22 (1 member) and P21 (3) are 4 together, under the threshold of 10, so P20 goes with them."""
    released = person_waves(given.study(), given.person_waves())
    assert released["province"].isna().all()
    assert set(released["province__missing"]) == {"withheld"}


def test_an_answer_many_gave_stays() -> None:
    """With 3 members in P21 and 20 in each of P20 and P22, P21 takes one other along, and the other stays."""
    frame = given.person_waves(43)
    number = frame["member"].str[1:].astype(int)
    frame["province"] = number.map(lambda each: 21 if each < 3 else 20 if each < 23 else 22).astype("Int64")
    released = person_waves(given.study(), frame)
    assert released.loc[number < 23, "province"].isna().all()
    assert (released.loc[number >= 23, "province"] == 22).all()


def test_the_input_is_not_changed() -> None:
    """Publishing leaves the frames of the panel as they were."""
    frame = given.person_waves()
    before = frame.copy(deep=True)
    person_waves(given.study(), frame)
    pd.testing.assert_frame_equal(frame, before)


def test_unprotected_figures_are_refused(tmp_path: Path) -> None:
    """A figure about 9 members, or a hidden one that keeps its n, does not leave the house."""
    for leak in (given.figure(n=9), given.figure(**{**given.HIDDEN, "n": 4})):
        with pytest.raises(DisclosureRefused):
            FolderPublisher().publish(given.content(estimates=given.figures(leak)), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_the_checks_say_who_let_what_pass_and_never_whom(release: Path) -> None:
    """The record has the override and the count, and no member, no observed value and no time."""
    text = (release / "checks.json").read_text()
    failed = next(each for each in json.loads(text)["verdicts"] if each["state"] == "failed")
    assert (failed["overridden_by"], failed["override_reason"], failed["failing_count"]) == (
        "h.jansen", "confirmed by telephone", 2,
    )  # fmt: skip
    assert "m001" not in text
    assert "9999999" not in text
    assert "2026-01-01" not in text


def test_a_cell_that_two_deliveries_repeat_is_held_once() -> None:
    """Of two rows about one cell and one about a whole row, the counts are one and one."""
    counts = held_counts(given.held()).set_index("check")["held_count"]
    assert dict(counts) == {"no-member": 1, "profit-range": 1}


def test_synthetic_is_said_everywhere(release: Path) -> None:
    """Page, charts, readme, citation and manifest of simulated respondents carry the word."""
    texts = everything(release)
    for name in ("index.html", "index.nl.html", "README.md", "CITATION.txt", "manifest.json"):
        assert "SYNTHETIC" in texts[name], name
    charts = [text for name, text in texts.items() if name.startswith("charts/")]
    assert len(charts) == 8
    assert all("SYNTHETIC" in text for text in charts)


def test_real_answers_are_not_called_synthetic(tmp_path: Path) -> None:
    """A release of real people does not carry the word."""
    folder = FolderPublisher().publish(given.content(is_synthetic=False), tmp_path / "r").path
    assert not [name for name, text in everything(folder).items() if "SYNTHETIC" in text]


def test_the_page_loads_nothing_and_runs_nothing(release: Path) -> None:
    """No script, no outside address in any href, src or style, and every link within leads somewhere."""
    for name in ("index.html", "index.nl.html", "codebook.en.html", "codebook.nl.html"):
        page = (release / name).read_text()
        assert "<script" not in page
        assert "@import" not in page
        targets = re.findall(r'(?:href|src)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
        assert not [target for target in targets if "//" in target]
        ids = re.findall(r'\sid="([^"]*)"', page)
        assert len(ids) == len(set(ids))
        for target in targets:
            assert target[1:] in ids if target.startswith("#") else (release / target).is_file(), target


def test_the_page_shows_what_a_reader_asks(release: Path) -> None:
    """Ours beside the published, change, the creator-to-executor cell, prediction, checks, attrition, citation."""
    page = (release / "index.html").read_text()
    for said in (
        "20.0 %", "Published: 18.0 %", "Report, December 2025", "−3.1 points", "−5.0 to −1.2 points", "17.0 %",
        "Executor", "65.0 %", "41.0 %", "confirmed by telephone", "75 %", "not shown: too few members",
        "provisional", "A small &lt;study&gt;",
    ):  # fmt: skip
        assert said in page, said
    assert FolderPublisher().digest(given.content())[:12] in page


@pytest.mark.parametrize("is_drawn", [True, False])
def test_a_page_says_what_its_ranges_leave_out(tmp_path: Path, is_drawn: bool) -> None:
    """Of a sample that nobody drew, the pages say what a range leaves out; of one that was drawn they do not."""
    study = given.study(is_probability_sample=is_drawn)
    folder = FolderPublisher().publish(given.content(study=study), tmp_path / "r").path
    for page, said in (("index.html", "of their own accord"), ("index.nl.html", "hebben zichzelf aangemeld")):
        assert (said in (folder / page).read_text()) is not is_drawn


def test_the_page_says_how_many_are_held_out_of_a_figure_and_what_it_is_with_them(tmp_path: Path) -> None:
    """Beside the figure stand n held and the figure with them; few are not told; where nobody is held, no column."""
    made = given.content()
    rows = made.estimates.reset_index(drop=True)
    hidden = pd.Series(1, index=rows.index, dtype="Int64").mask(rows["status"] == "hidden")
    nobody = replace(made, estimates=rows.assign(n_held=hidden * 0, estimate_with_held=rows["estimate"]))
    level = rows.index[(rows["statistic"] == "share") & (rows["status"] != "hidden") & rows["domain"].isna()][0]
    some = nobody.estimates.copy()
    some.loc[level, ["n_held", "estimate_with_held"]] = [25, 0.5]
    few = nobody.estimates.copy()
    few.loc[level, ["n_held", "estimate_with_held"]] = [pd.NA, pd.NA]
    for number, (estimates, said) in enumerate([(some, "25 (with them: 50.0 %)"), (few, "too few to tell")]):
        folder = FolderPublisher().publish(replace(made, estimates=estimates), tmp_path / str(number)).path
        assert said in (folder / "index.html").read_text()
    folder = FolderPublisher().publish(nobody, tmp_path / "nobody").path
    assert "Held out" not in (folder / "index.html").read_text()


def test_the_dutch_page_is_dutch(release: Path) -> None:
    """Labels, decimal comma and language of the page are Dutch, and it leads to the English one."""
    page = (release / "index.nl.html").read_text()
    assert '<html lang="nl">' in page
    assert 'href="index.html"' in page
    for said in ("20,0 %", "Uitvoerder", "niet getoond: te weinig leden", "voorlopig"):
        assert said in page, said


def test_a_chart_says_what_it_is(release: Path) -> None:
    """Every chart is an image with a label for a screen reader, and says "not shown" where a figure is hidden."""
    chart = (release / "charts" / "income_fell-by-work.en.svg").read_text()
    assert 'role="img"' in chart
    assert "aria-label=" in chart
    assert "not shown" in chart


def test_a_long_title_is_broken_into_lines() -> None:
    """No line of a title or subtitle runs out of the chart, whatever the study calls things."""
    words = "een heel lang opschrift van een cijfer " * 5
    chart = Chart(
        key="k", title=words, subtitle=[words], description="d",
        points=given.estimates().head(1).assign(when="1", series="s"), whens=["1"], series=["s"],
        unit="share", hidden="-",
    )  # fmt: skip
    title = specification(chart)["title"]
    assert max(map(len, title["text"])) <= 52
    assert max(map(len, title["subtitle"])) <= 68


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_chart_is_one_of_vega_lites(count: int) -> None:
    """Bands, whiskers and small multiples are valid Vega-Lite, and carry their points once."""
    names = [f"s{place}" for place in range(count)]
    points = pd.concat([given.estimates().head(1).assign(when="1", series=name) for name in names])
    chart = Chart(
        key="k", title="t", subtitle=["s"], description="d", points=points, whens=["1"], series=names, unit="share",
        hidden="-",
    )  # fmt: skip
    drawn = specification(chart)
    alt.Chart.from_dict(drawn, validate=True)
    assert drawn["data"] == {"name": "points"}
    assert [row["series"] for row in drawn["datasets"]["points"]] == names


def test_a_page_without_figures_is_still_a_page(tmp_path: Path) -> None:
    """A first wave without estimates, checks, holds or tracking gives a release that says so."""
    empty = given.content(
        estimates=given.estimates().iloc[:0], predictions=given.predictions().iloc[:0], held=given.held().iloc[:0],
        gates=[], tracking=given.content().tracking.iloc[:0], weights=given.content().weights.iloc[:0],
    )  # fmt: skip
    folder = FolderPublisher().publish(empty, tmp_path / "r").path
    assert "No figures yet." in (folder / "index.html").read_text()


def test_a_citation_proves_what_was_cited() -> None:
    """The line names title, year, release, wave and the first twelve digits, and says SYNTHETIC where so."""
    record = ReleaseRecord(
        study="small", key="2027.1", wave=3, digest="0123456789abcdef" * 4, path="x", is_synthetic=True,
        created_at=datetime(2027, 12, 1, tzinfo=UTC), manifest="{}",
    )  # fmt: skip
    line = cite(record, given.study())
    assert line == (
        "A small <study> (2027), release 2027.1, small, wave 2027. SHA-256 0123456789ab. "
        "[SYNTHETIC DATA: simulated respondents, not findings about people]"
    )
    assert "SYNTHETIC" not in cite(replace(record, is_synthetic=False), given.study())


@pytest.mark.parametrize(
    ("value", "unit", "language", "text"),
    [
        (0.805, "share", "en", "80.5 %"), (-0.0312, "points", "nl", "−3,1 punten"), (12345.5, "EUR", "nl", "€ 12.346"),
        (-0.0001, "share", "en", "0.0 %"), (31.25, "hours", "en", "31.3 hours"),
    ],
)  # fmt: skip
def test_numbers_read_as_readers_expect(value: float, unit: str, language: str, text: str) -> None:
    """Half rounds away from nought, nought has no sign, and separators are those of the language."""
    assert shown(value, unit, language) == text


def test_a_run_that_lives_keeps_its_folder(tmp_path: Path) -> None:
    """A temporary folder that another run has locked is not removed."""
    import fcntl

    busy = tmp_path / ".r.busy.partial"
    busy.mkdir()
    handle = os.open(busy, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        FolderPublisher().publish(given.content(), tmp_path / "r")
        assert busy.exists()
    finally:
        os.close(handle)
