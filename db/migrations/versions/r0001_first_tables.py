"""Create the first tables, the views for analysts, and what keeps records as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "study_version",
    "instrument_version",
    "wave_event",
    "receipt",
    "response",
    "ignored",
    "gate",
    "override_decision",
    "release",
)

VIEWS = (
    """
    CREATE VIEW wave_status AS
    SELECT wave.study, wave.number AS wave, wave.state,
        (SELECT COALESCE(SUM(members), 0) FROM case_count
            WHERE case_count.study = wave.study AND case_count.wave = wave.number
            AND disposition <> 'not_yet') AS members,
        (SELECT COALESCE(SUM(members), 0) FROM case_count
            WHERE case_count.study = wave.study AND case_count.wave = wave.number
            AND disposition IN ('complete', 'partial')) AS interviewed,
        (SELECT COUNT(*) FROM delivery
            WHERE delivery.study = wave.study AND delivery.wave = wave.number) AS deliveries,
        (SELECT COUNT(*) FROM held WHERE held.study = wave.study AND held.wave = wave.number
            AND held.variable IS NULL) AS rows_held,
        (SELECT COUNT(*) FROM held WHERE held.study = wave.study AND held.wave = wave.number
            AND held.variable IS NOT NULL) AS cells_held
    FROM wave
    """,
    """
    CREATE VIEW published_estimates AS
    SELECT study, computed_at, table_name, indicator, statistic, variable, value, domain, "group", from_wave, wave,
        estimate, se, low, high, n, n_eff, denominator, unit, terms, weight, method, status
    FROM estimate
    """,
)

# One row per core variable of a person-wave; the wide answers lie beside the database.
PANEL_LONG = {
    "sqlite": """
    CREATE VIEW panel_long AS
    SELECT person_wave.study, person_wave.wave, person_wave.member, answer.key AS variable,
        CASE WHEN json_type(answer.value, '$[0]') IN ('integer', 'real')
            THEN CAST(json_extract(answer.value, '$[0]') AS REAL) END AS value_number,
        CAST(json_extract(answer.value, '$[0]') AS TEXT) AS value_code,
        json_extract(answer.value, '$[1]') AS missing_reason
    FROM person_wave, json_each(person_wave.core) AS answer
    """,
    "postgresql": """
    CREATE VIEW panel_long AS
    SELECT person_wave.study, person_wave.wave, person_wave.member, answer.key AS variable,
        CASE WHEN jsonb_typeof(answer.value -> 0) = 'number' THEN (answer.value ->> 0)::double precision END
            AS value_number,
        answer.value ->> 0 AS value_code,
        answer.value ->> 1 AS missing_reason
    FROM person_wave, jsonb_each(person_wave.core::jsonb) AS answer
    """,
}


# Rows of a table that is otherwise replaced: what a later step may never touch.
KEPT_ROWS = {"held": "OLD.stage = 'intake'", "part": "OLD.kind = 'answers'"}
_ARRIVED = ["id", "study", "wave", "sha256", "size", "filename", "source", "is_synthetic", "received_at"]
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _ARRIVED) for row in ("OLD", "NEW"))
# A delivery stays what it was when it arrived; only what became of it is written, and a parsed one stays parsed.
DELIVERY_CHANGED = (
    f"({_OLD}) <> ({_NEW}) OR (OLD.state = 'parsed' AND NEW.state <> 'parsed') "
    "OR (OLD.state <> 'received' AND NEW.state = 'received')"
)


def guards() -> list[tuple[str, str, str]]:
    """Return what is refused: table, event and, where only some rows are meant, the condition."""
    whole = [(table, event, "") for table in APPEND_ONLY for event in ("UPDATE", "DELETE")]
    some = [(table, event, condition) for table, condition in KEPT_ROWS.items() for event in ("UPDATE", "DELETE")]
    return [*whole, *some, ("delivery", "UPDATE", DELIVERY_CHANGED), ("delivery", "DELETE", "")]


def triggers(dialect: str) -> list[str]:
    """Return the statements that keep append-only rows from being changed or removed."""
    if dialect == "postgresql":
        refuse = """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'append-only: % is never changed or removed', TG_TABLE_NAME; END $$
        """
        rows = [
            f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW "
            f"{f'WHEN ({condition}) ' if condition else ''}EXECUTE FUNCTION refuse_change()"
            for table, event, condition in guards()
        ]
        tables = [
            f"CREATE TRIGGER keep_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
            for table in (*APPEND_ONLY, *KEPT_ROWS, "delivery")
        ]
        return [refuse, *rows, *tables]
    return [
        f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} "
        f"{f'WHEN {condition} ' if condition else ''}"
        "BEGIN SELECT RAISE(ABORT, 'append-only: never changed or removed'); END"
        for table, event, condition in guards()
    ]


def upgrade() -> None:
    op.create_table(
        "case_count",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study", "wave", "disposition", name=op.f("pk_case_count")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('received', 'parsed', 'refused')", name=op.f("ck_delivery_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_study"), ["study"], unique=False)

    op.create_table(
        "estimate",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("computed_at", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("indicator", sa.String(), nullable=False),
        sa.Column("statistic", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=True),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("group", sa.String(), nullable=True),
        sa.Column("from_wave", sa.Integer(), nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("estimate", sa.Float(), nullable=True),
        sa.Column("se", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("n_eff", sa.Float(), nullable=True),
        sa.Column("denominator", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("terms", sa.String(), nullable=True),
        sa.Column("weight", sa.String(), nullable=True),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("study", "computed_at", "table_name", "place", name=op.f("pk_estimate")),
    )
    op.create_table(
        "gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("suite_digest", sa.String(), nullable=False),
        sa.Column("data_digest", sa.String(), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
    )
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_study_wave_stage"), ["study", "wave", "stage"], unique=False)

    op.create_table(
        "held",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("variable", sa.String(), nullable=True),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held")),
    )
    with op.batch_alter_table("held", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_study_stage"), ["study", "stage"], unique=False)

    op.create_table(
        "instrument_version",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("study", "file", name=op.f("pk_instrument_version")),
    )
    op.create_table(
        "override_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failing_digest", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override_decision")),
    )
    with op.batch_alter_table("override_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_override_decision_study"), ["study"], unique=False)

    op.create_table(
        "part",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study", "kind", "wave", "key", name=op.f("pk_part")),
    )
    op.create_table(
        "person_wave",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("cohort", sa.Integer(), nullable=False),
        sa.Column("core", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("study", "wave", "member", name=op.f("pk_person_wave")),
    )
    op.create_table(
        "release",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("study", "key", name=op.f("pk_release")),
    )
    op.create_table(
        "study_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_version")),
    )
    with op.batch_alter_table("study_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_study_version_study"), ["study"], unique=False)

    op.create_table(
        "wave",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'planned', 'staged', 'open', 'paused', 'closing', 'closed', 'archived', 'cancelled')",
            name=op.f("ck_wave_state"),
        ),
        sa.PrimaryKeyConstraint("study", "number", name=op.f("pk_wave")),
    )
    op.create_table(
        "wave_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave_event")),
    )
    with op.batch_alter_table("wave_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wave_event_study"), ["study"], unique=False)

    op.create_table(
        "weight_set",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("diagnostics", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("study", "wave", name=op.f("pk_weight_set")),
    )
    op.create_table(
        "ignored",
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_ignored_delivery_delivery")),
        sa.PrimaryKeyConstraint("delivery", "row", name=op.f("pk_ignored")),
    )
    op.create_table(
        "receipt",
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("ignored", sa.Integer(), nullable=False),
        sa.Column("held_cells", sa.Integer(), nullable=False),
        sa.Column("revisions", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.CheckConstraint("row_count = accepted + held + ignored", name=op.f("ck_receipt_rows_conserved")),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_receipt_delivery_delivery")),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_receipt")),
    )
    op.create_table(
        "response",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("response", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_response_delivery_delivery")),
        sa.PrimaryKeyConstraint("study", "wave", "response", name=op.f("pk_response")),
    )
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_study_wave_member"), ["study", "wave", "member"], unique=False)
    dialect = op.get_bind().dialect.name
    for statement in (*VIEWS, PANEL_LONG[dialect], *triggers(dialect)):
        op.execute(statement)


def downgrade() -> None:
    for view in ("panel_long", "wave_status", "published_estimates"):
        op.execute(f"DROP VIEW {view}")
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_study_wave_member"))
    op.drop_table("response")
    op.drop_table("receipt")
    op.drop_table("ignored")
    op.drop_table("weight_set")
    with op.batch_alter_table("wave_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wave_event_study"))
    op.drop_table("wave_event")
    op.drop_table("wave")
    with op.batch_alter_table("study_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_study_version_study"))
    op.drop_table("study_version")
    op.drop_table("release")
    op.drop_table("person_wave")
    op.drop_table("part")
    with op.batch_alter_table("override_decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_override_decision_study"))
    op.drop_table("override_decision")
    op.drop_table("instrument_version")
    with op.batch_alter_table("held", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_held_study_stage"))
    op.drop_table("held")
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gate_study_wave_stage"))
    op.drop_table("gate")
    op.drop_table("estimate")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_study"))
    op.drop_table("delivery")
    op.drop_table("case_count")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
