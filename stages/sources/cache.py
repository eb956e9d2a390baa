"""Downloads kept for later: a pinned hash -> the file, and the kind of source that served it.

The cache lies in the user's cache folder, is addressed by content and is never needed: what
cannot be kept is fetched again.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pooch

from stages.sources.verify import matches

REMOTE = ("pypi", "debian", "torchvision")


@dataclass(frozen=True)
class Kept:
    """A cached file and the kind of source it came from."""

    path: Path
    kind: str


def folder() -> Path:
    """Return the cache's folder."""
    return Path(pooch.os_cache("lectures"))


def lookup(pinned: str) -> Kept | None:
    """Return the file with that hash, if it is here and intact; a damaged one is dropped."""
    for path in sorted(folder().glob(f"{pinned.replace(':', '-')}.*")):
        try:
            if matches(path, pinned):
                return Kept(path, path.suffix[1:])
            path.unlink()
        except OSError:
            continue
    return None


def store(path: Path, pinned: str, kind: str) -> None:
    """Keep a copy of a file under its hash, if the cache's folder can be written."""
    target = folder() / f"{pinned.replace(':', '-')}.{kind}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            copy = Path(shutil.copyfile(path, Path(scratch) / "copy"))
            copy.replace(target)
    except OSError:
        return


def partial(name: str, otherwise: Path) -> Path:
    """Return where an unfinished download lies: in the cache, or in `otherwise` if it must."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder()):
            return folder() / f"{name}.part"
    except OSError:
        return otherwise / f"{name}.part"
