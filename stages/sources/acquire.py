"""One file of a dataset: the cache, then its sources in order -> the verified file, who served."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.sources import cache, debian, installed, mirror, pypi, web
from stages.sources.archives import open_member
from stages.sources.catalogue import File, Source
from stages.sources.errors import FetchError, SourceError
from stages.sources.verify import copy
from stages.sources.workspace import Workspace

OBTAIN: dict[str, Callable[[Any, Workspace], tuple[Path, str | None]]] = {
    "installed": installed.obtain,
    "pypi": pypi.obtain,
    "debian": debian.obtain,
    "torchvision": web.obtain,
    "mirror": mirror.obtain,
}


@dataclass(frozen=True)
class Served:
    """Who served a file, what came, and which sources failed before and why."""

    source: str
    bytes: int
    sha256: str
    failed: dict[str, str]


def acquire(name: str, file: File, target: Path, workspace: Workspace) -> Served:
    """Write one verified file.

    Raises:
        FetchError: no source could serve it (all are named), or the target cannot be written.
    """
    if file.hash and (kept := cache.lookup(file.hash)):
        with open_member(kept.path, None) as stream:
            digest = copy(stream, target, file.hash, file.bytes)
        return Served(f"cache of {kept.kind}", target.stat().st_size, digest, {})
    failed: dict[str, str] = {}
    for source in file.sources:
        try:
            digest = _from(source, file, target, workspace)
        except SourceError as error:
            failed[f"{source.kind} ({source.where})"] = str(error)
            continue
        if file.hash and source.kind in cache.REMOTE:
            cache.store(target, file.hash, source.kind)
        return Served(source.kind, target.stat().st_size, digest, failed)
    raise FetchError(_nobody(name, failed))


def _from(source: Source, file: File, target: Path, workspace: Workspace) -> str:
    container, member = OBTAIN[source.kind](source, workspace)
    with open_member(container, member) as stream:
        return copy(stream, target, file.hash, file.bytes)


def _nobody(name: str, failed: dict[str, str]) -> str:
    reasons = "".join(f"\n  {label}: {reason}" for label, reason in failed.items())
    return (
        f"no source could serve {name}:{reasons}\n"
        f"Run this again with a network, or put the files into a folder as data/catalog.yaml's "
        f"`mirror` paths say and set {mirror.VARIABLE} to it, or use the default profile, which "
        "needs package registries only"
    )
