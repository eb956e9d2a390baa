"""`make current`: does dvc.lock agree with the code and with params.yaml?

In: what `dvc repro --dry --allow-missing` says; nothing runs, and no data need be present.
Out: exit code 1, naming the stages that would run, if results in git are behind the code.
"""

import subprocess
import sys

from stages import _entry


class BehindCode(_entry.UserError):
    """The committed results are not those of the committed code."""


def main() -> None:
    """Compare dvc.lock with the code and the parameters."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BehindCode(
            f"`dvc repro --dry --allow-missing` failed:\n{done.stderr.strip()}\n"
            "If only a part of the data lies here, `dvc checkout` or `make repro` makes it whole."
        )
    lines = done.stdout.splitlines()
    behind = [line.split("'")[1] for line in lines if line.startswith("Running stage")]
    if behind:
        raise BehindCode(
            f"dvc.lock is behind the code or params.yaml: {', '.join(behind)} would run. "
            "Run `make repro`, then commit dvc.lock and reports/."
        )
    print("dvc.lock is current.")


if __name__ == "__main__":
    _entry.run(main)
