"""Count in the ledger how often an action was left behind or put off in a row, and when it may be tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0011_setbacks"
down_revision = "0009_contacts"
branch_labels = None
depends_on = None
COLUMNS = {"lapses": sa.Integer(), "setbacks": sa.Integer(), "not_before": sa.Float()}


def upgrade():
    with op.batch_alter_table("wave_action") as table:
        for name, kind in COLUMNS.items():
            table.add_column(sa.Column(name, kind, nullable=False, server_default="0"))
    with op.batch_alter_table("wave_action") as table:
        for name in COLUMNS:
            table.alter_column(name, server_default=None)


def downgrade():
    with op.batch_alter_table("wave_action") as table:
        for name in COLUMNS:
            table.drop_column(name)
