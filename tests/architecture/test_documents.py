"""What the documents say is what the code has: settings, targets, commands."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_of_the_environment_is_documented_and_no_other() -> None:
    code = "".join(
        path.read_text("utf-8")
        for package in ("zalion", "connectors", "extraction", "audit")
        for path in (ROOT / package).rglob("*.py")
        if "demo" not in path.parts
    )
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code)) | set(
        re.findall(r'env\.db_url\("([A-Z_]+)"', code)
    )
    told = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs/settings.md").read_text("utf-8")))
    for_make = {"ZALION_BIND", "ZALION_WEB_WORKERS"}
    assert told - for_make == read


def test_the_readme_names_only_targets_that_exist() -> None:
    readme, makefile = ((ROOT / name).read_text("utf-8") for name in ("README.md", "Makefile"))
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", readme)) <= targets


def test_ci_runs_what_everybody_runs_and_nothing_hidden() -> None:
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make check test"]


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    names = re.findall(r"^[a-zA-Z0-9._-]+(?:\[[^\]]*\])?==", lock, re.MULTILINE)
    assert len(names) > 50
    assert lock.count("--hash=sha256:") >= len(names)
    assert "://" not in lock
