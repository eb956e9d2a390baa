"""Checking bytes: a stream is copied, counted and hashed at once, and refused if it is wrong."""

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stages.sources.errors import FetchError, SourceError

CHUNK = 1 << 20
READING = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


def copy(stream: IO[bytes], target: Path, pinned: str | None, limit: int) -> str:
    """Copy a stream to a file and return the SHA-256 of what was copied.

    Args:
        stream: the decompressed content.
        target: the file to write; it is removed again if the content is refused.
        pinned: `sha256:<hex or a prefix of it>`, `md5:<hex>` or None.
        limit: the greatest number of bytes.

    Raises:
        SourceError: the content is broken, too long or not what is pinned.
        FetchError: the target cannot be written.
    """
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5")}
    try:
        with _writing(target) as file:
            for chunk in _chunks(stream, limit):
                _write(file, chunk, target)
                for digest in hashes.values():
                    digest.update(chunk)
        _compare({name: digest.hexdigest() for name, digest in hashes.items()}, pinned)
    except SourceError:
        target.unlink(missing_ok=True)
        raise
    return hashes["sha256"].hexdigest()


def matches(path: Path, pinned: str) -> bool:
    """Tell whether a file has the pinned hash."""
    name, value = pinned.split(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest().startswith(value)


def unwritable(path: Path, error: OSError) -> FetchError:
    """Say that a folder cannot be written, why, and what to do."""
    return FetchError(
        f"{path}: cannot be written ({error.strerror}); free space or make the folder writable, "
        "then run this again"
    )


def _writing(target: Path) -> IO[bytes]:
    try:
        return target.open("wb")
    except OSError as error:
        raise unwritable(target, error) from None


def _chunks(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    while True:
        try:
            chunk = stream.read(CHUNK)
        except READING as error:
            raise SourceError(f"broken after {total} bytes: {error}") from None
        if not chunk:
            return
        total += len(chunk)
        if total > limit:
            raise SourceError(f"more than the {limit} bytes that the catalogue allows")
        yield chunk


def _write(file: IO[bytes], chunk: bytes, target: Path) -> None:
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise unwritable(target, error) from None


def _compare(found: dict[str, str], pinned: str | None) -> None:
    if pinned is None:
        return
    name, value = pinned.split(":")
    if not found[name].startswith(value):
        raise SourceError(f"wrong content: its {name} is {found[name]}, pinned is {value}")
