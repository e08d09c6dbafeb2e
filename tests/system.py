"""Installs the Debian packages that tests use where it may, else says what is missing and which tests skip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

LANGUAGES = " ".join(f"tesseract-ocr-{language}" for language in ("deu", "fra", "ita", "spa", "nld"))
# What is looked for, the package that brings it, and what skips without it.
NEEDS = (
    ("chromium", "chromium", "the browser journeys"),
    ("dovecot", "dovecot-imapd", "IMAP against Dovecot"),
    ("redis-server", "redis-server", "the Redis broker"),
    ("tesseract", f"tesseract-ocr {LANGUAGES}", "reading scans and photographs"),
    ("strace", "strace", "killing workers at counted system calls"),
    ("pg_ctl", "postgresql", "everything on PostgreSQL"),
)


def present(program: str) -> bool:
    places = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin"]
    places += [str(folder) for folder in Path("/usr/lib/postgresql").glob("*/bin")]
    return shutil.which(program, path=":".join(places)) is not None


def install(packages: list[str]) -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print(f"Installing {', '.join(packages)} ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            return False
    return True


def main() -> int:
    if "--venv" in sys.argv:
        if install(["python3-venv"]):
            return 0
        print("python3 cannot make virtual environments here: install python3-venv.", file=sys.stderr)
        return 1
    missing = [need for need in NEEDS if not present(need[0])]
    if missing and not install([name for _, packages, _ in missing for name in packages.split()]):
        for program, package, tests in missing:
            print(f"{program} is missing (package {package}): {tests} will be skipped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
