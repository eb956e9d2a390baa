"""The data page: names of params.yaml, records, tensors' headers and pictures in, HTML out.

What is missing of a dataset is said in a line of the page, since a run of one experiment needs
only some of them. Tensors themselves are not read: name, source and shapes stand in the header.
"""

import base64
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open

from stages import _files, _numbers, _pages, _records

TENSORS = Path("data/tensors")
SPLITS = ("train", "dev", "test")
FEW = 3  # so many classes are named with their counts


@dataclass(frozen=True)
class Found:
    """What lies here of one dataset.

    Attributes:
        fetched, prepared: the details of the stages' records, None without a record.
        meta: what the tensors' file says of itself, None where nothing is prepared.
        shapes: the shape of each tensor of the train split.
        picture: samples.png, None where there is none.
        read: the files that were read.
    """

    fetched: Mapping[str, Any] | None = None
    prepared: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    picture: bytes | None = None
    read: Sequence[Path] = ()


def read(name: str) -> Found:
    """Read what there is of a dataset."""
    records = [_records.path(stage, name) for stage in ("fetch", "prepare")]
    tensors, picture = (TENSORS / name / file for file in ("train.safetensors", "samples.png"))
    fetched, prepared = (
        _files.read_json(path)["details"] if path.exists() else None for path in records
    )
    meta, shapes = _header(tensors) if tensors.exists() else (None, {})
    return Found(
        fetched,
        prepared,
        meta,
        shapes,
        picture.read_bytes() if picture.exists() else None,
        [path for path in (*records, tensors, picture) if path.exists()],
    )


def _header(path: Path) -> tuple[dict[str, Any], dict[str, Sequence[int]]]:
    with safe_open(path, framework="numpy") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
        return json.loads(file.metadata()["meta"]), shapes


def page(profile: str, variants: Mapping[str, str], found: Mapping[str, Found]) -> str:
    """Return the data page.

    Args:
        profile: the label at the top of params.yaml.
        variants: the datasets of params.yaml, in order, and the variant that each asks for.
        found: dataset -> what lies here of it.
    """
    views = [_view(name, variant, found[name]) for name, variant in variants.items()]
    template = _pages.environment().get_template("data.html")
    return template.render(profile=profile, datasets=views)


def _view(name: str, variant: str, one: Found) -> dict[str, Any]:
    """Return a dataset as the template shows it."""
    meta = one.meta or {}
    return {
        "name": name,
        "variant": meta.get("variant", variant),
        "title": meta.get("title", name),
        "lines": _missing(name, variant, one),
        "picture": _picture(one),
        "splits": _splits(one),
        "facts": _facts(one),
        "files": _file_rows(one),
        "served": _served(one),
    }


def _missing(name: str, variant: str, one: Found) -> list[str]:
    """Say what is not there, and how to get it."""
    command = f"`dvc repro prepare@{name}`"
    if one.meta is None:
        state = "Neither fetched nor" if one.fetched is None else "Fetched, but not"
        return [f"{state} prepared here; {command} makes up for it."]
    lines = []
    if one.meta["variant"] != variant:
        lines.append(f"`params.yaml` asks for the variant `{variant}`; {command} makes it.")
    if one.fetched is None:
        lines.append(f"No record says where its files came from; {command} writes one.")
    if one.prepared is None:
        lines.append(f"No record says how many rows each split has; {command} writes one.")
    if "x" not in one.shapes:
        lines.append("No picture of samples: these are weights.")
    elif one.picture is None:
        lines.append(f"No picture of samples; {command} draws it.")
    return lines


def _picture(one: Found) -> dict[str, Any] | None:
    """Return the picture for an img element, and in words what it shows."""
    if one.picture is None or one.meta is None:
        return None
    width, height = struct.unpack(">II", one.picture[16:24])
    classes = ", ".join(one.meta["classes"])
    caption, alt = _seen(one, len(one.meta["classes"]))
    return {
        "source": f"data:image/png;base64,{base64.b64encode(one.picture).decode()}",
        "width": width,
        "height": height,
        "caption": caption,
        "alt": f"{alt}: {classes}",
    }


def _seen(one: Found, classes: int) -> tuple[str, str]:
    """Return the caption and the beginning of the alternative text, which names the classes."""
    shape = one.shapes["x"]
    if shape[0] == classes:
        return f"All {shape[0]} pictures, row by row.", "Pictures, row by row"
    if len(shape) > 2:
        caption = "From the train split, one class per row."
        return caption, "Images, up to ten of each class, one class per row from the top"
    caption = (
        "From the train split: one line per sample, one column per feature, dark where it is "
        "small; up to ten samples of each class, one class below the other."
    )
    return caption, "Lines of grey cells, up to ten per class, from the top"


def _splits(one: Found) -> list[dict[str, Any]]:
    """Return a row per split: its size and its classes; none where nothing is split."""
    if one.meta is None or one.prepared is None or "balance" not in one.prepared:
        return []
    balance = one.prepared["balance"]
    return [
        {
            "split": split,
            "rows": one.prepared["rows"][split],
            "classes": _spread({name: balance[split][name] for name in one.meta["classes"]}),
            "bars": _bars({name: balance[split][name] for name in one.meta["classes"]}),
        }
        for split in SPLITS
    ]


def _spread(counts: Mapping[str, int]) -> str:
    """Write how many rows each class has, in few words."""
    low, high = (_numbers.count(pick(counts.values())) for pick in (min, max))
    if low == high:
        return f"{low} each"
    if len(counts) <= FEW:
        return ", ".join(f"{_numbers.count(n)}\u00a0{name}" for name, n in counts.items())
    return f"{low} to {high}"


def _bars(counts: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """Return name, count and height between 0 and 1 of each class's bar."""
    highest = max(counts.values()) or 1
    return [(name, n, round(n / highest, 3)) for name, n in counts.items()]


def _facts(one: Found) -> list[tuple[str, str]]:
    """Return what else is known, as pairs of name and value."""
    meta, told = one.meta or {}, one.prepared or {}
    rows = _contents(one.meta, one.shapes) if one.meta else []
    if "tensors" in told:
        rows.append(("not split", _held(one.shapes)))
    if "duplicates_removed" in told:
        rows.append(("duplicates removed", _removed(told["duplicates_removed"])))
    licence = meta.get("licence") or (one.fetched or {}).get("licence")
    named = (("licence", licence), ("citation", meta.get("citation")))
    return rows + [(name, value) for name, value in named if value]


def _contents(
    meta: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]
) -> list[tuple[str, str]]:
    """Return the classes and the form of a sample; nothing of weights."""
    if "x" not in shapes:
        return []
    classes = meta["classes"]
    return [
        (f"{len(classes)} classes", ", ".join(classes)),
        ("one sample", _sample(shapes["x"][1:], meta["scaling"])),
    ]


def _sample(shape: Sequence[int], scaling: Mapping[str, Any]) -> str:
    used = {
        "none": "used as they are",
        "divide": f"divided by {scaling.get('by')} on use",
        "standardise": "standardised on use by train's mean and deviation",
    }
    return f"{' × '.join(str(size) for size in shape)} numbers, {used[scaling['kind']]}"


def _held(shapes: Mapping[str, Sequence[int]]) -> str:
    """Say what the splits have in common where nothing is split."""
    if "x" in shapes:
        return f"train, dev and test hold the same {shapes['x'][0]} pictures"
    numbers = _numbers.count(sum(math.prod(shape) for shape in shapes.values()))
    return f"train, dev and test hold the same {len(shapes)} tensors, {numbers} numbers"


def _removed(removed: Mapping[str, int]) -> str:
    taken = [f"{_numbers.count(n)} from {split}" for split in SPLITS if (n := removed.get(split))]
    return ", ".join(taken) or "none"


def _file_rows(one: Found) -> list[dict[str, Any]]:
    files = (one.fetched or {}).get("files", {})
    return [
        {"name": name, "size": _size(file["bytes"]), **file} for name, file in sorted(files.items())
    ]


def _served(one: Found) -> str:
    """Sum the files up: how many, how large, from where."""
    rows = _file_rows(one)
    sources = ", ".join(sorted({row["source"] for row in rows}))
    word = "file" if len(rows) == 1 else "files"
    return f"{len(rows)} {word}, {_size(sum(row['bytes'] for row in rows))}, from: {sources}"


def _size(n: int) -> str:
    return f"{_numbers.plain(n / 1e6)} MB" if n >= 1e6 else f"{_numbers.plain(n / 1e3)} kB"
