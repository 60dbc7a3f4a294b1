"""Run by Alembic. The connection comes from `hub.migrate`, never from a file."""

from alembic import context

from hub.database import UtcDateTime
from hub.migrate import metadata


def render_item(kind, item, _autogenerate_context):
    """A migration must not change when our own column type does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata(),
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
