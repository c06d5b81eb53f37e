"""Laws of incidents: whatever is seen and done, in whatever order."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from panel.actions.incidents import Scene, by_hand, react
from panel.errors import IncidentState
from panel.model.incident import Reaction, Sighting
from panel.model.load_routing import load_routing
from tests.unit.watch_factory import ROUTES, START

ROUTING = load_routing(ROUTES)
SEEN = st.tuples(
    st.just("seen"),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["passed", "failed", "broken"]),
    st.integers(1, 3),
    st.integers(1, 100),
    st.booleans(),
)
DONE = st.tuples(st.just("done"), st.sampled_from(["acknowledge", "silence", "resolve", "assign", "lapsed", "cleared"]))
PASSES = st.tuples(st.just("time"), st.integers(1, 24 * 9))


class World:
    """One study's incidents, as a store would keep them, and every message ever written."""

    def __init__(self):
        self.incidents, self.messages, self.now = {}, [], START

    def scene(self):
        """Return what reactions need to know at this moment."""
        return Scene(routing=ROUTING, at=self.now, wave_key=str)

    def keep(self, reaction: Reaction):
        """Keep a reaction; return its messages."""
        self.incidents |= {each.id: each for each in reaction.incidents}
        self.messages += reaction.outgoing
        return reaction.outgoing

    def see(self, check, outcome, wave, failing, is_muted):
        """See a check in a wave."""
        count = failing if outcome == "failed" else 0
        sighting = Sighting(
            study="s", suite="panel", check=check, wave=wave, outcome=outcome, checked_count=100, failing_count=count,
            is_muted=is_muted,
        )  # fmt: skip
        before = dict(self.incidents)
        told = self.keep(react([sighting], list(self.incidents.values()), self.scene()))
        return sighting, before, told

    def act(self, event):
        """Do something to the newest incident, where there is one and it is legal."""
        if self.incidents:
            last = list(self.incidents.values())[-1]
            try:
                self.keep(by_hand(last, event, self.scene(), by="me", note="n", until=self.now + timedelta(days=3)))
            except IncidentState:
                return


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(SEEN, SEEN, DONE, PASSES), max_size=25))
def test_laws(steps):
    """One incident a problem at a time; keys are never used twice; nobody hears what is muted or silenced."""
    world = World()
    for step in steps:
        if step[0] == "time":
            world.now += timedelta(hours=step[1])
        elif step[0] == "done":
            world.act(step[1])
        else:
            sighting, before, told = world.see(*step[1:])
            mine = [each for each in before.values() if each.fingerprint == sighting.fingerprint]
            assert not (sighting.is_muted and told)
            assert not (mine and mine[-1].state == "silenced" and told)
            assert all(each.message.check == sighting.check for each in told)
            after = [each for each in world.incidents.values() if each.fingerprint == sighting.fingerprint]
            if sighting.outcome != "passed":
                seen = sum(each.occurrences for each in after) - sum(each.occurrences for each in mine)
                assert seen == 1
        alive = [each.fingerprint for each in world.incidents.values() if not each.is_over]
        assert len(alive) == len(set(alive))
        assert all((each.resolved_at is not None) == each.is_over for each in world.incidents.values())
    keys = [each.message.key for each in world.messages]
    assert len(keys) == len(set(keys))
