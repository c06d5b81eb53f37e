"""Members by hand: traced, found, deceased, dormant, back again."""

from __future__ import annotations

import logging

from panel.actions.cases import member_event
from panel.errors import MemberState, did_you_mean
from panel.model.member import Member
from panel.ports import Adapters

log = logging.getLogger(__name__)
BY_HAND = ("trace", "find", "die", "lapse", "rejoin")


def move(app: Adapters, study_key: str, member: str, event: str, *, reason: str) -> Member:
    """
    Move a member by hand, on record, and return it. A member who withdrew may rejoin unless it was erased.

    Raises:
        UnknownKey: there is no such member.
        MemberState: the event is not legal in its state, or no reason is given.
    """
    if event not in BY_HAND:
        raise MemberState(f"A member takes no '{event}' by hand.", fix=did_you_mean(event, BY_HAND))
    if not reason.strip():
        raise MemberState("No reason is given.", fix="say why; it is kept with your name")
    study = app.study(study_key)
    found = app.store.member(study.key, member)
    if found.scope == "erase":
        raise MemberState("The member was erased, and that is for ever.", fix="nothing to do")
    app.store.move_members([member_event(app, found, event, reason=reason)])
    log.info("member study=%s event=%s", study.key, event)
    return app.store.member(study.key, member)
