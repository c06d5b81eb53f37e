"""Keep a ledger of the actions of waves, each once, and their histories."""

import sqlalchemy as sa
from alembic import op

revision = "0008_ledger"
down_revision = "0007_waves"
branch_labels = None
depends_on = None


def triggers(dialect):
    events, table = ("UPDATE", "DELETE"), "wave_action_event"
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
        "wave_action",
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("precedence", sa.Integer(), nullable=False),
        sa.Column("late", sa.String(), nullable=False),
        sa.Column("not_after", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lateness", sa.Float(), nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("done_at", moment, nullable=True),
        sa.CheckConstraint(
            "state IN ('planned', 'running', 'done', 'partial', 'failed', 'missed', 'skipped')",
            name=op.f("ck_wave_action_state"),
        ),
        sa.PrimaryKeyConstraint("study", "wave", "kind", "ordinal", name=op.f("pk_wave_action")),
    )
    op.create_index(op.f("ix_wave_action_state_due"), "wave_action", ["state", "due"], unique=False)
    op.create_table(
        "wave_action_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lateness", sa.Float(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave_action_event")),
    )
    op.create_index(op.f("ix_wave_action_event_study"), "wave_action_event", ["study"], unique=False)
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("wave_action_event")
    op.drop_table("wave_action")
