"""Tiny datasets in the official formats, containers around them, and a web server that misbehaves.

What tests share; nothing here is a test.
"""

import gzip
import hashlib
import io
import re
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np


def pinned(content: bytes, name: str = "sha256") -> str:
    """Return a content's hash as the catalogue writes it."""
    return f"{name}:{hashlib.new(name, content).hexdigest()}"


def idx(array: np.ndarray) -> bytes:
    """Write a uint8 array in idx format."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a zip file (or a wheel)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a tar.gz file."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def gzipped(path: Path, content: bytes) -> Path:
    """Write a gzip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))
    return path


class Behaviour:
    """What the server serves, and how badly.

    Attributes:
        files: address path to content.
        break_after: bytes after which an answer breaks off; None for never.
        breaks: how many answers break off.
        stall: seconds to wait in the middle of an answer.
        asked: the `Range` header of each request, '' for none.
    """

    def __init__(self, files: Mapping[str, bytes]):
        self.files = dict(files)
        self.break_after: int | None = None
        self.breaks = 0
        self.stall = 0.0
        self.asked: list[str] = []


@contextmanager
def web(files: Mapping[str, bytes]) -> Iterator[tuple[str, Behaviour]]:
    """Serve files on this machine and yield (address, behaviour)."""
    behaviour = Behaviour(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, behaviour)

        def log_message(self, *words: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", behaviour
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    wanted = request.headers.get("Range", "")
    behaviour.asked.append(wanted)
    content = behaviour.files.get(request.path)
    if content is None:
        request.send_error(404)
        return
    start = int(re.sub(r"\D", "", wanted)) if wanted else 0
    body = content[start:]
    request.send_response(206 if wanted else 200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if behaviour.stall:
        request.wfile.write(body[: len(body) // 2])
        time.sleep(behaviour.stall)
    elif behaviour.break_after is not None and behaviour.breaks > 0:
        behaviour.breaks -= 1
        request.wfile.write(body[: behaviour.break_after])
    else:
        request.wfile.write(body)
