"""Lay out what an experiment may see: data/tensors -> data/inputs/<experiment>/{fit,test}.

`fit` holds train and dev, `test` the test split alone, so that training cannot depend on it.
Files are hard links where the file system has them, copies elsewhere.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from stages import _entry, _files, _settings
from stages._records import recording

SPLITS = {"fit": ("train", "dev"), "test": ("test",)}


def main(experiment: str) -> None:
    """Gather the inputs of one experiment."""
    params = _settings.of_experiment(experiment)
    data = params.experiment(experiment).data
    with recording("gather", experiment) as record:
        for part, splits in SPLITS.items():
            folder = Path("data/inputs") / experiment / part
            _lay_out(folder, data, splits)
            record.outputs.append(folder)
        record.inputs = [Path("data/tensors") / name for name in sorted(set(data.values()))]
        record.profile, record.params = params.profile, {"data": data}


def _lay_out(folder: Path, data: Mapping[str, str], splits: tuple[str, ...]) -> None:
    """Fill a folder with the named splits of each dataset, and a manifest of names and hashes."""
    shutil.rmtree(folder, ignore_errors=True)
    files: dict[str, str] = {}
    for dataset in sorted(set(data.values())):
        for split in splits:
            source = Path("data/tensors") / dataset / f"{split}.safetensors"
            name = f"{dataset}/{source.name}"
            _link(source, folder / name)
            files[name] = _files.sha256(source)
    _files.write_json(folder / "manifest.json", {"roles": dict(data), "files": files})


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    _entry.run(main)
