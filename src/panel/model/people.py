"""Members, what came of each case, and what was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from panel.model.text import Text

DISPOSITIONS: tuple[tuple[str, Text], ...] = (
    ("complete", Text((("nl", "Volledig"), ("en", "Complete")))),
    ("partial", Text((("nl", "Gedeeltelijk"), ("en", "Partial")))),
    ("broke_off", Text((("nl", "Afgebroken"), ("en", "Broke off")))),
    ("refused", Text((("nl", "Weigering"), ("en", "Refused")))),
    ("no_contact", Text((("nl", "Geen contact"), ("en", "No contact")))),
    ("no_response", Text((("nl", "Geen respons"), ("en", "No response")))),
    ("unable", Text((("nl", "Niet in staat"), ("en", "Unable")))),
    ("out_of_scope", Text((("nl", "Buiten de doelgroep"), ("en", "Out of scope")))),
    ("deceased", Text((("nl", "Overleden"), ("en", "Deceased")))),
    ("withdrawn", Text((("nl", "Ingetrokken"), ("en", "Withdrawn")))),
    ("not_issued", Text((("nl", "Niet benaderd"), ("en", "Not issued")))),
    ("not_yet", Text((("nl", "Nog geen lid"), ("en", "Not yet a member")))),
    ("pending", Text((("nl", "Golf nog open"), ("en", "Wave still open")))),
)
INTERVIEWED: tuple[str, ...] = ("complete", "partial")

DeliveryState = Literal["received", "parsed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Bytes that arrived for a wave, kept before they were read."""

    id: str
    study: str
    wave: int
    sha256: str
    size: int
    filename: str
    source: str
    is_synthetic: bool
    received_at: datetime
    state: DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of every row of a delivery: `rows` = `accepted` + `held` + `ignored`."""

    delivery: str
    study: str
    wave: int
    filename: str
    rows: int
    accepted: int
    held: int
    ignored: int
    held_cells: int
    revisions: int
    is_repeat: bool
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveStatus:
    """Where a wave stands."""

    study: str
    number: int
    key: str
    state: str
    fieldwork: str
    members: int
    interviewed: int
    deliveries: int
    rows_held: int
    cells_held: int
    released: str | None
