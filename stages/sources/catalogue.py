"""data/catalog.yaml, checked: (dataset, variant) -> its licence, citation and pinned files.

Keys of the file: `datasets.<dataset>.<variant>`. A variant written `a+b` is both variants' files
together, so that photographs and a network's weights are each described once.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from stages._params import Block, did_you_mean
from stages.sources.errors import FetchError

CATALOG = Path("data/catalog.yaml")
Hash = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{8,64}|md5:[0-9a-f]{32})$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.\-]*$")]


class Installed(Block):
    """A file inside an installed Python package."""

    kind: Literal["installed"]
    package: str
    member: str

    @property
    def where(self) -> str:
        """What a user would look for."""
        return self.package


class Pypi(Block):
    """A member of a wheel, which is downloaded but never installed."""

    kind: Literal["pypi"]
    requirement: str
    member: str

    @property
    def where(self) -> str:
        """What a user would look for."""
        return self.requirement


class Debian(Block):
    """A member of a Debian package, which is downloaded but never installed."""

    kind: Literal["debian"]
    package: str
    member: str

    @property
    def where(self) -> str:
        """What a user would look for."""
        return self.package


class Torchvision(Block):
    """A file, or an archive's member, on the official hosts that torchvision uses.

    `hash` is that of the download itself, `bytes` its greatest size.
    """

    kind: Literal["torchvision"]
    urls: list[str]
    member: str | None = None
    hash: Hash | None = None
    bytes: int | None = None

    @property
    def where(self) -> str:
        """What a user would look for."""
        return PurePosixPath(self.urls[0]).name


class Mirror(Block):
    """A file, or an archive's member, in the folder that DATA_MIRROR names."""

    kind: Literal["mirror"]
    path: str
    member: str | None = None
    hash: Hash | None = None

    @property
    def where(self) -> str:
        """What a user would look for."""
        return self.path


Source = Annotated[Installed | Pypi | Debian | Torchvision | Mirror, Field(discriminator="kind")]


class File(Block):
    """One file of a dataset: its content, decompressed, and where it can be had, in order.

    `hash` may be a published prefix of the SHA-256, or be left out where every source pins the
    hash of its archive. `bytes` is the greatest size that is accepted.
    """

    hash: Hash | None = None
    bytes: int
    sources: list[Source]

    @model_validator(mode="after")
    def _pinned(self) -> "File":
        if self.hash is None and not all(getattr(source, "hash", None) for source in self.sources):
            raise ValueError("no hash: pin the file's, or that of every source's archive")
        return self


class Variant(Block):
    """A dataset as one profile uses it."""

    title: str
    licence: str
    citation: str
    files: dict[FileName, File]


def load(dataset: str, variant: str, path: Path = CATALOG) -> Variant:
    """Return the entry of a dataset's variant, or of several joined by `+`.

    Raises:
        FetchError: there is none, or the entry is malformed.
    """
    return pick(YAML(typ="safe").load(path)["datasets"], dataset, variant, path)


def pick(entries: Mapping[str, Any], dataset: str, variant: str, path: Path = CATALOG) -> Variant:
    """Return the entry of a dataset's variant from what the catalogue says (see `load`)."""
    if dataset not in entries:
        raise FetchError(f"{path}: no dataset {dataset!r}{did_you_mean(dataset, entries)}")
    names = variant.split("+")
    for name in names:
        if name not in entries[dataset]:
            hint = did_you_mean(name, entries[dataset])
            raise FetchError(f"{path}: datasets.{dataset}: no variant {name!r}{hint}")
    return _join([_check(entries[dataset][name], f"{path}: {dataset}.{name}") for name in names])


def _check(raw: object, where: str) -> Variant:
    try:
        return Variant.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(str(step) for step in first["loc"])
        raise FetchError(f"{where}.{at}: {first['msg']}") from None


def _join(variants: list[Variant]) -> Variant:
    def words(field: str) -> str:
        return "; ".join(dict.fromkeys(getattr(variant, field) for variant in variants))

    files = {name: file for variant in variants for name, file in variant.files.items()}
    return Variant(
        title=words("title"), licence=words("licence"), citation=words("citation"), files=files
    )
