"""Say who moved a wave and by which event, where its fieldwork was moved to, and what staging froze."""

import sqlalchemy as sa
from alembic import op

revision = "0007_waves"
down_revision = "0006"
branch_labels = None
depends_on = None


def triggers(dialect):
    events, table = ("UPDATE", "DELETE"), "staging"
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
    op.add_column("wave", sa.Column("fieldwork_start", sa.Date(), nullable=True))
    op.add_column("wave", sa.Column("fieldwork_end", sa.Date(), nullable=True))
    op.add_column("wave_event", sa.Column("event", sa.String(), nullable=False, server_default=""))
    op.add_column("wave_event", sa.Column("by", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "staging",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staging")),
    )
    op.create_index(op.f("ix_staging_study"), "staging", ["study"], unique=False)
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("staging")
    op.drop_column("wave_event", "by")
    op.drop_column("wave_event", "event")
    op.drop_column("wave", "fieldwork_end")
    op.drop_column("wave", "fieldwork_start")
