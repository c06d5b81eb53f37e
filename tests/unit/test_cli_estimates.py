from panel.cli.estimates import answer, sections
from tests.unit import release_factory as given


def test_a_section_is_one_figure_and_no_row_is_lost():
    """Every row of the estimates stands in exactly one section."""
    frame = given.estimates()
    assert sum(len(section.rows) for section in sections(frame, given.study())) == len(frame)


def test_waves_and_answers_are_called_by_name():
    """A person reads the wave's key and the answer's label, not numbers and codes."""
    frame = given.figures(given.figure(statistic="transition", variable="role", value="1>2", from_wave=1, wave=2))
    (section,) = sections(frame, given.study())
    (row,) = section.rows.to_dict("records")
    study = given.study()
    assert (row["from"], row["wave"], row["answer"]) == (study.wave(1).key, study.wave(2).key, "Creator → Executor")


def test_a_hidden_figure_is_said_to_be_hidden():
    """Neither the figure nor its interval is left where the status is hidden."""
    hidden = given.figures(
        given.figure(status="hidden", estimate=None, se=None, low=None, high=None, n=None, n_eff=None)
    )
    (section,) = sections(hidden, given.study())
    (row,) = section.rows.to_dict("records")
    assert (row["estimate"], row["interval"], row["status"]) == ("hidden", "", "hidden")


def test_denominators_stand_below_once():
    """Each denominator is a note of its table, and rows point at it by number."""
    frame = given.figures(
        given.figure(group="a", denominator="one"),
        given.figure(group="b", denominator="other"),
        given.figure(group="c", denominator="one"),
    )
    (section,) = sections(frame, given.study())
    assert section.notes == ("one", "other")
    assert section.rows["among"].tolist() == [1, 2, 1]


def test_what_is_no_code_stays_as_it_is():
    """A code without a label, and the value of a variable nobody knows, are shown as they are."""
    assert answer(given.study(), "role", "1>9") == "Creator → 9"
    assert answer(given.study(), "nothing", "fall") == "fall"
