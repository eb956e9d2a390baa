"""Whether a store that is a database answers: asked once, and soon.

In: the store's address. Out: nothing, or SQLAlchemy's error. MLflow itself would ask ten times and
wait for minutes in between.
"""

import os

DATABASES = ("mssql", "mysql", "postgresql", "sqlite")
SECONDS = "5"


def probe(uri: str) -> None:
    """Connect to a store once, if it is a database."""
    if uri.partition(":")[0].partition("+")[0] not in DATABASES:
        return
    import sqlalchemy

    os.environ.setdefault("PGCONNECT_TIMEOUT", SECONDS)
    sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool).connect().close()
