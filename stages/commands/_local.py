"""The default store: one SQLite file at the root with its artifacts beside it.

In: the root folder. Out: the address of the store, a file that readers and a writer can share, and
artifact addresses that follow the folder when it is moved or copied (MLflow keeps absolute ones).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

NAME, ARTIFACTS = "mlflow.db", "mlartifacts"
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def address(root: Path) -> str:
    """Return the default store's address, whatever the working folder of its reader."""
    return f"sqlite:///{(root / NAME).as_posix()}"


def artifacts(root: Path) -> str:
    """Return where the artifacts of a store at `root` go."""
    return (root / ARTIFACTS).as_uri()


def tune(root: Path) -> None:
    """Let the UI read while a sync writes, and bring a moved store's artifact addresses along."""
    with closing(sqlite3.connect(root / NAME, timeout=20)) as store, store:
        store.execute("PRAGMA journal_mode=WAL")
        for old in _former(store, artifacts(root)):
            for table, column in COLUMNS:
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE substr({column}, 1, ?) = ?",
                    (artifacts(root), len(old) + 1, len(old), old),
                )


def _former(store: sqlite3.Connection, here: str) -> set[str]:
    """Return the artifact folders, other than this one, that the store's experiments name."""
    rows = store.execute("SELECT artifact_location FROM experiments").fetchall()
    found = {place.rpartition("/")[0] for (place,) in rows if place}
    return {place for place in found if place.endswith(f"/{ARTIFACTS}") and place != here}
