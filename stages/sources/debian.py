"""Source kind `debian`: a member of a package, by `apt-get download`; nothing is installed."""

import os
import shutil
from pathlib import Path

from stages.sources import processes
from stages.sources.catalogue import Debian
from stages.sources.errors import SourceError
from stages.sources.workspace import Workspace

OPTIONS = (
    "-q -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15"
).split()


def obtain(source: Debian, workspace: Workspace) -> tuple[Path, str]:
    """Return the package file and the member wanted of it."""

    def download(folder: Path) -> Path:
        if not shutil.which("apt-get"):
            raise SourceError("apt-get is missing: this is no Debian or Ubuntu")
        try:
            _apt(folder, "download", source.package)
        except SourceError as error:
            _refresh(folder, error)
            _apt(folder, "download", source.package)
        packages = list(folder.glob("*.deb"))
        if not packages:
            raise SourceError("apt-get left no package")
        return packages[0]

    return workspace.once(f"debian {source.package}", download), source.member


def _apt(folder: Path, *words: str) -> None:
    unsandboxed = ["-o", "APT::Sandbox::User=root"] if _is_root() else []
    processes.run(["apt-get", *OPTIONS, *unsandboxed, *words], folder, {"LC_ALL": "C"})


def _refresh(folder: Path, error: SourceError) -> None:
    """Refresh the package list, which a fresh container lacks, if this user may."""
    if not _is_root():
        raise SourceError(f"{error} (an administrator's `apt-get update` may help)")
    _apt(folder, "update")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
