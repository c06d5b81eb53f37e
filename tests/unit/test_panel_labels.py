"""What every answer says of itself: its unit, among whom, and that intervals of an opt-in sample are model-assisted."""

import pytest

from panel.cli.estimates import sections
from tests.properties.test_panel_laws import VERBS, YEARS, drawn
from tests.unit.panel_factory import opened, people_of, study


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("drawn_by_lot", "said"), [(False, "model-assisted"), (True, "design-based")])
def test_every_answer_says_how_its_intervals_are_meant(verb, drawn_by_lot, said):
    """In every row, and on the title of every table a person reads: model-assisted where nobody was drawn by lot."""
    made = study(YEARS, is_probability_sample=drawn_by_lot)
    found = VERBS[verb](opened(people_of(drawn(7), made)))
    assert found["method"].str.startswith(said).all()
    assert found["unit"].notna().all()
    assert (found["denominator"].str.len() > 0).all()
    for section in sections(found, made):
        assert said in section.title
