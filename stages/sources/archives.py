"""Containers: a path and a member's name -> the member's decompressed bytes, as a stream.

Members are read by name and never extracted, so nothing that an archive holds can choose where
a byte is written. Kinds: zip (wheels too), tar, Debian packages, gzip, plain files.
"""

import gzip
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from stages.sources.errors import SourceError

ZIP = (".zip", ".whl")
TAR = (".tar", ".tar.gz", ".tgz")


@contextmanager
def open_member(container: Path, member: str | None) -> Iterator[IO[bytes]]:
    """Open a member of a container (the container itself if None), gunzipped if named `.gz`.

    Raises:
        SourceError: no such member, it is no regular file, or the container is broken.
    """
    with ExitStack() as stack:
        try:
            stream: IO[bytes] = stack.enter_context(_member(container, member))
            if (member or container.name).endswith(".gz"):
                stream = cast(IO[bytes], stack.enter_context(gzip.open(stream)))
        except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, RuntimeError) as error:
            raise SourceError(f"{container.name} cannot be read: {error}") from None
        yield stream


@contextmanager
def _member(container: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with container.open("rb") as stream:
            yield stream
    elif container.name.endswith(ZIP):
        with zipfile.ZipFile(container) as wheel, wheel.open(_zipped(wheel, member)) as stream:
            yield stream
    elif container.name.endswith(TAR):
        with tarfile.open(container) as archive:
            yield _tarred(archive, member)
    elif container.name.endswith(".deb"):
        with _debian(container) as archive:
            yield _tarred(archive, member)
    else:
        raise SourceError(f"{container.name} is no archive that is known here")


def _zipped(archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    try:
        info = archive.getinfo(member)
    except KeyError:
        raise SourceError(f"there is no {member} in {Path(archive.filename or '').name}") from None
    if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
        raise SourceError(f"{member} is a link or a folder, not a file")
    return info


def _tarred(archive: tarfile.TarFile, member: str) -> IO[bytes]:
    for info in archive:
        if info.name.removeprefix("./") == member:
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is None:
                raise SourceError(f"{member} is a link or a folder, not a file")
            return stream
    raise SourceError(f"there is no {member} in the archive")


@contextmanager
def _debian(package: Path) -> Iterator[tarfile.TarFile]:
    """Open a package's files as a tar stream (dpkg-deb knows each of its compressions)."""
    if not shutil.which("dpkg-deb"):
        raise SourceError("dpkg-deb is missing, so that a .deb cannot be read")
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield archive
        finally:
            process.kill()
