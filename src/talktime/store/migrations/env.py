"""Where Alembic enters: it migrates the connection that it is handed."""

from alembic import context

from talktime.store import schema

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=schema.metadata, render_as_batch=connection.dialect.name == "sqlite"
)
with context.begin_transaction():
    context.run_migrations()
