"""Keep what is sent to members and why it was or was not; no name and no address."""

import sqlalchemy as sa
from alembic import op

revision = "0009_contacts"
down_revision = "0008_ledger"
branch_labels = None
depends_on = None


def triggers(dialect):
    events, table = ("UPDATE", "DELETE"), "contact_decision"
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
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'held', 'dead', 'bounced', 'sent')", name=op.f("ck_contact_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("key", name=op.f("uq_contact_key")),
        sa.UniqueConstraint(
            "study",
            "wave",
            "member",
            "kind",
            "channel",
            "ordinal",
            name=op.f("uq_contact_study_wave_member_kind_channel_ordinal"),
        ),
    )
    op.create_index(op.f("ix_contact_state_due"), "contact", ["state", "due"], unique=False)
    op.create_index(op.f("ix_contact_study_member"), "contact", ["study", "member"], unique=False)
    op.create_table(
        "contact_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_decision")),
    )
    op.create_index(
        op.f("ix_contact_decision_study_wave_member"), "contact_decision", ["study", "wave", "member"], unique=False
    )
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("contact_decision")
    op.drop_table("contact")
