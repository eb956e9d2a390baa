"""docs/tracking-server.md carried out in a temporary folder, on ports and with passwords of a test.

In: the document's files and commands, as they stand but for names, ports, paths and passwords.
Out: PostgreSQL, MLflow's server on it, and its users, all gone at the end.
"""

import configparser
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tracking_server import free_port

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/tracking-server.md"
BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOME, BIN = "/srv/mlflow", str(Path(sys.executable).parent)


class Team:
    """A tracking server as the document sets it up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.database_port = free_port(), free_port()
        self.uri = f"http://localhost:{self.port}"
        self.password = {  # the database's has every character that a URI gives a meaning
            "database": f"{secrets.token_hex(8)}/?#@:%",
            "admin": secrets.token_hex(12),
            "session": secrets.token_hex(12),
            "ada": secrets.token_hex(12),
            "bob": secrets.token_hex(12),
        }

    def block(self, start: str, database: str = "", her: str = "") -> str:
        """Return the one block that starts so, with this server's values in it."""
        found = [block for block in BLOCK.findall(DOCUMENT.read_text()) if block.startswith(start)]
        assert len(found) == 1, f"{len(found)} blocks start with {start!r}"
        text = found[0]
        for old, new in {
            "tracking.example.org": "localhost",
            ":5000": f":{self.port}",
            "--port 5000": f"--port {self.port}",
            ":5432": f":{self.database_port}",
            f"{HOME}/venv/bin": BIN,
            HOME: str(self.folder),
            "database-password": database or self.password["database"],
            "her-password": her,
            "admin-password": self.password["admin"],
            "session-secret": self.password["session"],
        }.items():
            text = text.replace(old, new)
        return text

    def run(self, script: str, **environment: str) -> str:
        """Run a block as PostgreSQL's administrator, without a terminal; return what it says."""
        paths = os.pathsep.join([BIN, str(postgres_bin()), os.environ["PATH"]])
        database = {"PGHOST": str(self.folder), "PGPORT": str(self.database_port)}
        done = subprocess.run(
            ["bash", "-euc", script],
            input=environment.pop("STDIN", ""),
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": paths, "PGUSER": "postgres", **database, **environment},
            cwd=self.folder,
            start_new_session=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def prepare(self) -> None:
        """Make the databases and write the files."""
        self.run(self.block("psql"))
        encoded = quote(self.password["database"], safe="")
        (self.folder / "server.env").write_text(self.block(f"# {HOME}/server.env", encoded))
        twice = encoded.replace("%", "%%")
        (self.folder / "auth.ini").write_text(self.block(f"# {HOME}/auth.ini", twice))

    def add(self, user: str) -> None:
        """Let the administrator add a user."""
        script = self.block("MLFLOW_TRACKING_URI=").replace(" ada", f" {user}")
        self.run(script, STDIN=f"{self.password['admin']}\n{self.password[user]}\n")

    @contextmanager
    def serving(self) -> Iterator[Path]:
        """Run the service as systemd would; give its log."""
        unit = configparser.ConfigParser(interpolation=None)
        unit.read_string(self.block("# /etc/systemd/system/mlflow.service"))
        service = unit["Service"]
        words = shlex.split(service["ExecStart"].replace("\\\n", " "))
        lines = Path(service["EnvironmentFile"]).read_text().splitlines()
        settings = dict(line.split("=", 1) for line in lines if "=" in line)
        log = self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                env={**os.environ, **settings},
                cwd=service["WorkingDirectory"],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for(self.port, process, log)
            yield log
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


@contextmanager
def team() -> Iterator[Team]:
    """Start PostgreSQL in a folder of its own, as a user that is not root."""
    folder = Path(tempfile.mkdtemp(prefix="team"))
    owner = "postgres" if os.getuid() == 0 else None
    if owner:
        shutil.chown(folder, owner, owner)
    found = Team(folder)
    as_owner = {"user": owner, "group": owner, "extra_groups": []} if owner else {}
    data, program = folder / "database", postgres_bin()
    make = [program / "initdb", "--username=postgres", "--auth-local=trust",
            "--auth-host=scram-sha-256", "--no-sync", "--pgdata", data]  # fmt: skip
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **as_owner)
    start = [program / "postgres", "-D", data, "-k", folder, "-h", "localhost",
             "-p", str(found.database_port), "-c", "fsync=off"]  # fmt: skip
    log = folder / "database.log"
    with log.open("wb") as output:
        process = subprocess.Popen(start, cwd=folder, stdout=output, stderr=output, **as_owner)
    try:
        wait_for(found.database_port, process, log)
        yield found
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(20)
        shutil.rmtree(folder)


def postgres_bin() -> Path:
    """Return the folder of PostgreSQL's programs: PATH lacks it on Debian."""
    named = shutil.which("initdb")
    found = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "no PostgreSQL here: `apt-get install postgresql`, as .ci/run does"
    return found[-1].parent


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a process listens (AssertionError with its log if it does not)."""
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text())
