"""Source kind `torchvision`: a file on the official hosts, by HTTP with restart.

A broken download is kept and goes on from where it stopped, in this run or a later one.
"""

import hashlib
import shutil
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
import urllib3

from stages.sources import cache, progress
from stages.sources.catalogue import Torchvision
from stages.sources.errors import SourceError
from stages.sources.verify import CHUNK, matches
from stages.sources.workspace import Workspace

WAIT = (10.0, 20.0)  # seconds: to connect, and for the next byte
ATTEMPTS = 3
BIGGEST = 4 << 30


def obtain(source: Torchvision, workspace: Workspace) -> tuple[Path, str | None]:
    """Return the downloaded file and the member wanted of it."""

    def download(folder: Path) -> Path:
        if source.hash and (kept := cache.lookup(source.hash)):
            return _named(kept.path, folder, source.urls[0])
        return _first_of(source, folder)

    return workspace.once(f"torchvision {source.urls[0]}", download), source.member


def _first_of(source: Torchvision, folder: Path) -> Path:
    failures = []
    for url in source.urls:
        try:
            path = fetch(url, folder, source.bytes or BIGGEST)
            if source.hash and not matches(path, source.hash):
                path.unlink()
                raise SourceError(f"wrong content: it does not have the pinned {source.hash}")
            if source.hash and source.member:
                cache.store(path, source.hash, source.kind)
            return path
        except SourceError as error:
            failures.append(f"{url}: {error}")
    raise SourceError("; ".join(failures))


def fetch(url: str, folder: Path, limit: int) -> Path:
    """Download a file into a folder and return it; go on with what an earlier run left.

    Raises:
        SourceError: no answer, a refusal, more than `limit` bytes, or it keeps breaking off.
    """
    part = cache.partial(hashlib.sha256(url.encode()).hexdigest()[:16], folder)
    reason = SourceError("no attempt was made")
    for _ in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            _append(url, part, limit)
            return _named(part, folder, url, move=True)
        except requests.RequestException as error:
            reason = SourceError(_reason(error, part))
            if not part.exists() or part.stat().st_size <= before:
                break
        except SourceError:
            part.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise SourceError(f"{part.parent} cannot be written: {error.strerror}") from None
    raise reason


def _append(url: str, part: Path, limit: int) -> None:
    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=WAIT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise requests.RequestException("the kept part was of no use and has been dropped")
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        done = start if resumed else 0
        total = done + int(answer.headers.get("Content-Length", 0)) or None
        with part.open("ab" if resumed else "wb") as file, progress.bar(url, total) as advance:
            while chunk := _next(answer):
                done += len(chunk)
                if done > limit:
                    raise SourceError(f"more than the {limit} bytes that the catalogue allows")
                file.write(chunk)
                advance(done)
    if total and done < total:
        raise requests.ConnectionError(f"stopped after {done} of {total} bytes")


def _next(answer: requests.Response) -> bytes:
    """Return the bytes that have come, so that none is lost when the answer breaks off."""
    try:
        chunk: bytes = answer.raw.read1(CHUNK)
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout(error) from None
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from None
    return chunk


def _named(path: Path, folder: Path, url: str, move: bool = False) -> Path:
    """Give a file the name that its address ends in, which tells how to read it."""
    target = folder / PurePosixPath(urlsplit(url).path).name
    if move:
        shutil.move(path, target)
    else:
        target.symlink_to(path)
    return target


def _reason(error: requests.RequestException, part: Path) -> str:
    kept = part.stat().st_size if part.exists() else 0
    note = f" ({kept} bytes are kept for the next try)" if kept else ""
    if isinstance(error, requests.Timeout):
        return f"no answer in {WAIT[1]:g} s{note}"
    if error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    cause = str(error).split("(Caused by ")[-1]
    return f"{' '.join(cause.split())[:160]}{note}"
