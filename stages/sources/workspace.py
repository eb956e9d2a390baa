"""Where a fetch works: a scratch folder, and containers that several files share.

A wheel or archive is obtained once for all its members, and a source that failed once is not
waited for again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stages.sources.errors import SourceError


@dataclass
class Workspace:
    """A scratch folder and the containers obtained so far."""

    folder: Path
    containers: dict[str, Path | SourceError] = field(default_factory=dict)

    def once(self, name: str, obtain: Callable[[Path], Path]) -> Path:
        """Return the container of that name, obtained at the first call only.

        `obtain` gets an empty folder of its own to work in.
        """
        if name not in self.containers:
            folder = self.folder / str(len(self.containers))
            folder.mkdir()
            try:
                self.containers[name] = obtain(folder)
            except SourceError as error:
                self.containers[name] = error
        found = self.containers[name]
        if isinstance(found, SourceError):
            raise found
        return found
