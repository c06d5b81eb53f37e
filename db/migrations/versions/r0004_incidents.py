"""Keep incidents, their history, and the messages about them until they are delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def triggers(dialect):
    events, table = ("UPDATE", "DELETE"), "incident_event"
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
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("suite", sa.String(), nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("subgroup", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("failing_waves", sa.String(), nullable=False),
        sa.Column("passed_wave", sa.Integer(), nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("checked_count", sa.Integer(), nullable=False),
        sa.Column("failing_count", sa.Integer(), nullable=False),
        sa.Column("is_broken", sa.Boolean(), nullable=False),
        sa.Column("is_failing", sa.Boolean(), nullable=False),
        sa.Column("is_muted", sa.Boolean(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("told_count", sa.Integer(), nullable=False),
        sa.Column("told_share", sa.Float(), nullable=False),
        sa.Column("until", moment, nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("resolved_at", moment, nullable=True),
        sa.Column("escalated_at", moment, nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'silenced', 'resolved', 'reopened')", name=op.f("ck_incident_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_study_fingerprint"), "incident", ["study", "fingerprint"], unique=False)
    op.create_table(
        "incident_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("until", moment, nullable=True),
        sa.Column("wave", sa.Integer(), nullable=True),
        sa.Column("checked_count", sa.Integer(), nullable=True),
        sa.Column("failing_count", sa.Integer(), nullable=True),
        sa.Column("is_muted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"], name=op.f("fk_incident_event_incident_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_event")),
    )
    op.create_index(op.f("ix_incident_event_incident"), "incident_event", ["incident"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("timing", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("sent_at", moment, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'dead')", name=op.f("ck_outbox_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_incident"), "outbox", ["incident"], unique=False)
    op.create_index(op.f("ix_outbox_state_due"), "outbox", ["state", "due"], unique=False)
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("outbox")
    op.drop_table("incident_event")
    op.drop_table("incident")
