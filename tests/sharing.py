"""How the tests are shared out among processes: a file as a whole, what shares a fixture together, the long ones first.

`xdist_group` and `--dist loadgroup` would say the same; with pytest 9.2, pytest-xdist 3.8 passes over the groups
without a word (its issue 1386), and whatever a module or a session sets up was set up in every process.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# What uses one browser and one portal, and what reads one pack of hostile mail.
TOGETHER = {
    **dict.fromkeys(
        [
            f"tests/journeys/test_{name}.py"
            for name in ("pages", "review", "hostile_html", "set_up", "uploads")
        ],
        "browser",
    ),
    **dict.fromkeys(
        ["tests/journeys/test_corpus.py", "tests/connectors/mime/test_hostile_mail.py"], "hostile mail"
    ),
}
# What takes longest, longest first, so that the processes end together; all else is short.
FIRST = (
    "browser",
    "tests/extraction/extractors/test_ocr.py",
    "hostile mail",
    "tests/journeys/test_kills.py",
    "tests/demo/test_demo.py",
    "tests/zalion/test_tasks_cluster.py",
    "tests/journeys/test_real_mail.py",
    "tests/journeys/test_two_workers.py",
    "tests/audit/test_concurrency.py",
    "tests/journeys/test_listening.py",
    "tests/architecture/test_access.py",
    "tests/journeys/test_faults.py",
    "tests/zalion/sandbox/test_pool.py",
)


def unit_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return TOGETHER.get(file, file)


def place(nodeid: str) -> int:
    unit = unit_of(nodeid)
    return FIRST.index(unit) if unit in FIRST else len(FIRST)


class LongestFirst(LoadScopeScheduling):
    """Hands out the units in the order of the collection."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> LongestFirst:
    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: Any, items: list[pytest.Item]) -> Iterator[None]:
    yield  # others mix them, and put those that commit last
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: place(item.nodeid))
