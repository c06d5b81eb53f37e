"""Keep verdicts about single cells and rows, and the decisions about them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("row_verdict", "row_decision")


def triggers(dialect):
    if dialect == "postgresql":
        rows = [
            f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION refuse_change()"
            for table in APPEND_ONLY
            for event in ("UPDATE", "DELETE")
        ]
        return rows + [
            f"CREATE TRIGGER keep_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
            for table in APPEND_ONLY
        ]
    return [
        f"CREATE TRIGGER keep_{table}_{event.lower()} BEFORE {event} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'append-only: never changed or removed'); END"
        for table in APPEND_ONLY
        for event in ("UPDATE", "DELETE")
    ]


def upgrade():
    op.create_table(
        "row_verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("value_digest", sa.String(), nullable=False),
        sa.Column("proposed", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_row_verdict")),
    )
    op.create_index(op.f("ix_row_verdict_study_wave"), "row_verdict", ["study", "wave"], unique=False)
    op.create_table(
        "row_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("variable", sa.String(), nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value_digest", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('accept', 'correct', 'reject')", name=op.f("ck_row_decision_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_row_decision")),
    )
    op.create_index(op.f("ix_row_decision_study_wave"), "row_decision", ["study", "wave"], unique=False)
    for statement in triggers(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade():
    op.drop_table("row_decision")
    op.drop_table("row_verdict")
