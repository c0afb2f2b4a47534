"""A gradebook in SQLite is one file: a command that meets another one's lock waits for it."""

import sqlite3

from sqlalchemy import Engine, event

PATIENCE = 60_000  # milliseconds; SQLite's own are 5,000


def wait_for_locks():
    """Has every connection of this process to an SQLite file wait. A line of the settings calls this."""
    if not event.contains(Engine, "connect", _wait):
        event.listen(Engine, "connect", _wait)


def _wait(connection, _):
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
