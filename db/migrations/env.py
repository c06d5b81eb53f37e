"""Run migrations on the connection that the store hands in."""

from alembic import context
from sqlmodel.sql.sqltypes import AutoString

from panel.store.tables import Base


def render_item(kind, item, autogen_context):
    """Render SQLModel's text as SQLAlchemy's, so that a migration needs neither SQLModel nor our tables."""
    if kind == "type" and isinstance(item, AutoString):
        autogen_context.imports.add("import sqlalchemy as sa")
        return "sa.String()"
    if kind == "type" and type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,
)
context.run_migrations()
