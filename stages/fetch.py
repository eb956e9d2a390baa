"""fetch@dataset: the catalogue's entry -> data/raw/<dataset>/ with verified files, or nothing."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from stages import _entry, _files, _settings
from stages._records import recording
from stages.sources import catalogue
from stages.sources.acquire import Served, acquire
from stages.sources.errors import FetchError
from stages.sources.verify import unwritable
from stages.sources.workspace import Workspace

RAW = Path("data/raw")


def main(key: str) -> None:
    """Fetch one dataset."""
    params, settings = _settings.of_dataset(key)
    variant = catalogue.load(key, settings.variant)
    with recording("fetch", key) as record:
        record.profile = params.profile
        record.params = {"variant": settings.variant}
        served = fetch(key, settings.variant, variant, RAW / key)
        record.outputs = [RAW / key]
        record.details = {
            "licence": variant.licence,
            "files": {name: asdict(file) for name, file in served.items()},
        }
        record.timing["bytes"] = sum(file.bytes for file in served.values())


def fetch(key: str, chosen: str, variant: catalogue.Variant, target: Path) -> dict[str, Served]:
    """Put the verified files and `about.json` into `target`, the whole folder or nothing.

    Raises:
        FetchError: a file cannot be had from any source, or the folder cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        _enough_space(_fresh(partial), sum(file.bytes for file in variant.files.values()))
        served = _acquire_all(key, variant, partial)
        about = {"name": key, "variant": chosen, **_about(variant, served)}
        _files.write_json(partial / "about.json", about)
        shutil.rmtree(target, ignore_errors=True)
        partial.replace(target)
    except OSError as error:
        raise unwritable(target, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return served


def _fresh(folder: Path) -> Path:
    """Make an empty folder; what a killed run left in it goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _enough_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(
            f"{folder.parent}: no space: {needed / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB "
            "are free; free some, then run this again"
        )


def _acquire_all(key: str, variant: catalogue.Variant, folder: Path) -> dict[str, Served]:
    scratch = _fresh(folder / ".scratch")
    workspace = Workspace(scratch)
    served = {}
    for name, file in variant.files.items():
        try:
            served[name] = acquire(name, file, folder / name, workspace)
        except FetchError as error:
            raise FetchError(f"fetch {key}: {error}") from None
    shutil.rmtree(scratch)
    return served


def _about(variant: catalogue.Variant, served: Mapping[str, Served]) -> dict[str, object]:
    return {
        "title": variant.title,
        "licence": variant.licence,
        "citation": variant.citation,
        "files": {name: {"bytes": f.bytes, "sha256": f.sha256} for name, f in served.items()},
    }


if __name__ == "__main__":
    _entry.run(main)
