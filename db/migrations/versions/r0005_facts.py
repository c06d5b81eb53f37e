"""Let go of the facts that a merge held: a check holds them now, and a decision releases them."""

from alembic import op

revision = "0005_facts"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop what an earlier version's merge held; it is derived, and the check of the next run holds it anew."""
    op.execute("DELETE FROM held WHERE stage = 'merge'")


def downgrade() -> None:
    """Leave what is held as it is; the next merge of the earlier version holds facts again."""
