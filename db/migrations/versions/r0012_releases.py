"""Say where each release stands and how it came there; those made before are published or superseded."""

import sqlalchemy as sa
from alembic import op

revision = "0012_releases"
down_revision = "0011_setbacks"
branch_labels = None
depends_on = None

STATES = (
    "ingested", "held", "validated", "weighted", "estimated", "reviewed", "published", "superseded", "retracted",
)  # fmt: skip


PUBLISHED = """
INSERT INTO release_event (study, key, wave, event, from_state, to_state, by, reason, at)
SELECT study, key, wave, 'publish', 'reviewed', 'published', '', 'made before releases had states', created_at
FROM release ORDER BY created_at, key
"""
SUPERSEDED = """
INSERT INTO release_event (study, key, wave, event, from_state, to_state, by, reason, at)
SELECT study, key, wave, 'supersede', 'published', 'superseded', '', 'made before releases had states', created_at
FROM release AS each
WHERE EXISTS (
    SELECT 1 FROM release AS other
    WHERE other.study = each.study AND other.wave = each.wave AND other.created_at > each.created_at
)
"""


def triggers(dialect):
    events, table = ("UPDATE", "DELETE"), "release_event"
    if dialect == "postgresql":
        return [
            *(
                f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW "
                "EXECUTE FUNCTION refuse_change()"
                for event in events
            ),
            f"CREATE TRIGGER keep_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()",
        ]
    return [
        f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'append-only: never changed or removed'); END"
        for event in events
    ]


def upgrade():
    op.create_table(
        "release_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            f"to_state IN ({', '.join(repr(each) for each in STATES)})", name=op.f("ck_release_event_to_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_event")),
    )
    op.create_index(op.f("ix_release_event_study_key"), "release_event", ["study", "key"], unique=False)
    for statement in (PUBLISHED, SUPERSEDED):
        op.execute(statement)
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("release_event")
