"""Source kind `installed`: a file inside a Python package that is installed here."""

from importlib.util import find_spec
from pathlib import Path

from stages.sources.catalogue import Installed
from stages.sources.errors import SourceError
from stages.sources.workspace import Workspace


def obtain(source: Installed, workspace: Workspace) -> tuple[Path, None]:
    """Return the file; the package is found but not imported."""
    spec = find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"the package {source.package} is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / source.member
    if not path.is_file():
        raise SourceError(f"there is no {source.member} in the installed {source.package}")
    return path, None
