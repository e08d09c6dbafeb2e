"""What every Listener promises, against a real server or what stands for it."""

from abc import abstractmethod
from collections.abc import Callable, Iterator

import pytest

from connectors.adapters import Heard, Limits, Listener
from connectors.errors import FolderMissing
from tests.contracts.adapter import WHEN, Ground, mail

PATIENCE = 30.0  # seconds in which a busy machine's server tells of a mail


def heard_news(listener: Listener, *, folder: str = "INBOX") -> bool:
    """Whether the server tells of something new in as long as a busy machine takes."""
    return any(listener.listen(folder, seconds=1) is Heard.NEWS for _ in range(int(PATIENCE)))


class ListenerContract:
    """Subclass it with a `ground` whose server tells of new mail."""

    @pytest.fixture
    @abstractmethod
    def ground(self) -> Ground: ...

    @pytest.fixture
    def listener(self, ground: Ground) -> Iterator[Listener]:
        with opened(ground) as listener:
            yield listener

    def test_the_first_word_is_that_there_may_be_something_new(self, listener: Listener) -> None:
        assert listener.listen("INBOX", seconds=60) is Heard.NEWS

    def test_silence_is_told_after_the_time_asked_for(self, listener: Listener) -> None:
        listener.listen("INBOX", seconds=1)
        assert listener.listen("INBOX", seconds=0.1) is not Heard.NEWS

    def test_mail_is_heard_of_while_and_between_listening(self, ground: Ground, listener: Listener) -> None:
        listener.listen("INBOX", seconds=1)
        for number in range(3):
            ground.deliver(mail(number), folder="INBOX", when=WHEN)
            assert heard_news(listener)

    def test_asking_anew_misses_nothing(self, ground: Ground) -> None:
        with opened(ground, limits=Limits(listening_seconds=0)) as listener:
            listener.listen("INBOX", seconds=1)
            assert listener.listen("INBOX", seconds=0.05) is not Heard.NEWS
            ground.deliver(mail(1), folder="INBOX", when=WHEN)
            assert heard_news(listener)

    def test_other_calls_may_come_in_between(self, ground: Ground, listener: Listener) -> None:
        listener.listen("INBOX", seconds=1)
        assert "INBOX" in {folder.id for folder in listener.folders()}
        ground.deliver(mail(1), folder="INBOX", when=WHEN)
        assert heard_news(listener)

    def test_listening_changes_nothing_in_the_mailbox(self, ground: Ground, listener: Listener) -> None:
        ground.deliver(mail(1), folder="INBOX", when=WHEN)
        before = ground.snapshot()
        listener.listen("INBOX", seconds=1)
        listener.listen("INBOX", seconds=0.1)
        listener.close()
        assert ground.snapshot() == before

    def test_a_folder_that_is_not_there_is_named_as_such(self, listener: Listener) -> None:
        with pytest.raises(FolderMissing):
            listener.listen("Nowhere", seconds=1)


def opened(ground: Ground, *, limits: Limits | None = None) -> Listener:
    """A closed adapter of `ground`, for a with statement, seen as a Listener."""
    secret: Callable[[], str] = lambda: ground.secret  # noqa: E731
    adapter = ground.adapter(secret=secret, limits=limits or Limits())
    assert isinstance(adapter, Listener)
    return adapter
