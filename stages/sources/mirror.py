"""Source kind `mirror`: a file in the folder that the environment names."""

import os
from pathlib import Path

from stages.sources.catalogue import Mirror
from stages.sources.errors import SourceError
from stages.sources.verify import matches
from stages.sources.workspace import Workspace

VARIABLE = "DATA_MIRROR"


def obtain(source: Mirror, workspace: Workspace) -> tuple[Path, str | None]:
    """Return the file and the member wanted of it."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise SourceError(f"{VARIABLE} names no folder")
    path = Path(folder) / source.path
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    if source.hash and not matches(path, source.hash):
        raise SourceError(f"wrong content: {path} does not have the pinned {source.hash}")
    return path, source.member
