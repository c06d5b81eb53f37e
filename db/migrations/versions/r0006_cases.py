"""Keep the sample, its members, their cases and what was fed forward; let an erasure, and nothing else, remove rows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005_facts"
branch_labels = None
depends_on = None

APPEND_ONLY = ("sample_load", "sample_row", "member_event", "case_event", "erasure_step", "preload_freeze")
ERASABLE = {  # what an erasure may do, under way for the study of the row; on SQLite the condition it adds to
    "response": ("", ("DELETE",)),
    "row_verdict": ("", ("DELETE",)),
    "row_decision": ("", ("DELETE",)),
    "gate": ("", ("UPDATE",)),
    "held": ("OLD.stage = 'intake'", ("DELETE",)),
    "part": ("OLD.kind = 'answers'", ("UPDATE", "DELETE")),
}
UNDER_WAY = "EXISTS (SELECT 1 FROM erasure WHERE erasure.study = OLD.study AND erasure.state = 'running')"
_ARRIVED = ("id", "study", "wave", "sha256", "size", "filename", "source", "is_synthetic", "received_at")
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _ARRIVED) for row in ("OLD", "NEW"))
CHANGED = (
    f"({_OLD}) <> ({_NEW}) OR (OLD.state = 'parsed' AND NEW.state <> 'parsed') "
    "OR (OLD.state <> 'received' AND NEW.state = 'received')"
)
REFUSE = "BEGIN SELECT RAISE(ABORT, 'append-only: never changed or removed'); END"


def refusals(dialect):
    """Return the statements that keep the new append-only rows."""
    events = ("UPDATE", "DELETE")
    if dialect == "postgresql":
        rows = [
            f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION refuse_change()"
            for table in APPEND_ONLY
            for event in events
        ]
        whole = [
            f"CREATE TRIGGER keep_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
            for table in (*APPEND_ONLY, "erasure")
        ]
        last = "CREATE TRIGGER keep_erasure_delete BEFORE DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION "
        return [*rows, *whole, f"{last}refuse_change()"]
    pairs = [(table, event) for table in APPEND_ONLY for event in events] + [("erasure", "DELETE")]
    return [f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} {REFUSE}" for table, event in pairs]


def doors(dialect, closed=f"NOT {UNDER_WAY}", keeper="refuse_unless_erasing"):
    """
    Return the statements that say what keeps rows for ever.

    `closed` is when, on SQLite, and `keeper` the function that decides, on PostgreSQL: unless an erasure is under way.
    """
    tables = {**ERASABLE, "delivery": (f"({CHANGED})", ("UPDATE",))}
    made = []
    if dialect == "postgresql" and keeper == "refuse_unless_erasing":
        made.append(
            f"""
            CREATE FUNCTION refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {UNDER_WAY} THEN
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'append-only: % is never changed or removed', TG_TABLE_NAME;
            END $$
            """
        )
    for table, (condition, events) in tables.items():
        for event in events:
            name = f"keep_{table}_{event.lower()}"
            begin = f"CREATE TRIGGER {name} BEFORE {event} ON {table}"
            if dialect == "postgresql":
                when = f"WHEN ({condition}) " if condition else ""
                body = f"{begin} FOR EACH ROW {when}EXECUTE FUNCTION {keeper}()"
                made += [f"DROP TRIGGER {name} ON {table}", body]
            else:
                when = " AND ".join(f"({each})" for each in (condition, closed) if each)
                made += [f"DROP TRIGGER {name}", f"{begin} {f'WHEN {when} ' if when else ''}{REFUSE}"]
    return made


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sample_load",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.CheckConstraint("row_count = added + known + held", name=op.f("ck_sample_load_rows_conserved")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_load")),
    )
    op.create_index(op.f("ix_sample_load_study"), "sample_load", ["study"], unique=False)
    op.create_table(
        "sample_row",
        sa.Column("load", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["load"], ["sample_load.id"], name=op.f("fk_sample_row_load_sample_load")),
        sa.PrimaryKeyConstraint("load", "row", name=op.f("pk_sample_row")),
    )
    op.create_table(
        "member",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("stratum", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("entry_wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("loaded_at", moment, nullable=False),
        sa.CheckConstraint(
            "state IN ('recruited', 'active', 'dormant', 'tracing', 'withdrawn', 'deceased')",
            name=op.f("ck_member_state"),
        ),
        sa.CheckConstraint("scope IN ('', 'no_contact', 'no_use', 'erase')", name=op.f("ck_member_scope")),
        sa.PrimaryKeyConstraint("study", "member", name=op.f("pk_member")),
    )
    op.create_table(
        "member_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_event")),
    )
    op.create_index(op.f("ix_member_event_study_member"), "member_event", ["study", "member"], unique=False)
    op.create_table(
        "access_code",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("study", "wave", "member", name=op.f("pk_access_code")),
        sa.UniqueConstraint("hash", name=op.f("uq_access_code_hash")),
    )
    op.create_table(
        "member_case",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("computed", sa.String(), nullable=True),
        sa.Column("overridden", sa.String(), nullable=True),
        sa.Column("override_by", sa.String(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("finalised_at", moment, nullable=True),
        sa.CheckConstraint(
            "state IN ('listed', 'issued', 'contacted', 'started', 'partial', 'complete', 'refused', 'ineligible', "
            "'unreachable', 'break_off', 'not_issued')",
            name=op.f("ck_member_case_state"),
        ),
        sa.PrimaryKeyConstraint("study", "wave", "member", name=op.f("pk_member_case")),
    )
    op.create_table(
        "case_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
        sa.UniqueConstraint("study", "wave", "member", "key", name=op.f("uq_case_event_study_wave_member_key")),
    )
    op.create_table(
        "erasure",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("done_at", moment, nullable=True),
        sa.CheckConstraint("state IN ('running', 'unlinking', 'done')", name=op.f("ck_erasure_state")),
        sa.PrimaryKeyConstraint("study", "member", name=op.f("pk_erasure")),
    )
    op.create_table(
        "erasure_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("old_sha256", sa.String(), nullable=False),
        sa.Column("new_sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_step")),
    )
    op.create_index(op.f("ix_erasure_step_study_member"), "erasure_step", ["study", "member"], unique=False)
    op.create_table(
        "preload_freeze",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preload_freeze")),
    )
    op.create_index(op.f("ix_preload_freeze_study"), "preload_freeze", ["study"], unique=False)
    op.create_table(
        "fieldwork_day",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("study", "wave", "day", "domain", "group", "state", name=op.f("pk_fieldwork_day")),
    )
    dialect = op.get_bind().dialect.name
    for statement in (*refusals(dialect), *doors(dialect)):
        op.execute(statement)


def downgrade():
    dialect = op.get_bind().dialect.name
    for statement in doors(dialect, closed="", keeper="refuse_change"):
        op.execute(statement)
    if dialect == "postgresql":
        op.execute("DROP FUNCTION refuse_unless_erasing")
    for table in (
        "fieldwork_day", "preload_freeze", "erasure_step", "erasure", "case_event", "member_case", "access_code",
        "member_event", "member", "sample_row", "sample_load",
    ):  # fmt: skip
        op.drop_table(table)
