"""Sessions whose keys are stored hashed: who reads the table, or a copy of it, cannot carry on anybody's session."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.utils import timezone

TOUCHED_EVERY = timedelta(minutes=1)


def stored_key(session_key: str) -> str:
    """What stands in the table: 160 bits of the cookie's SHA-256. The cookie is random, so no salt is needed."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's database store under the hash of each key. The portal is served by threads, never awaited."""

    _expires: datetime | None = None

    def _get_session_from_db(self) -> Session | None:
        rows = Session.objects.filter(expire_date__gt=timezone.now())
        found = rows.filter(pk=stored_key(self.session_key)).first() if self.session_key else None
        self._expires = found.expire_date if found is not None else None
        if found is None:
            self._session_key = None
        return found

    def touch(self) -> None:
        """Put the idle limit off, at most once a minute, without writing what the session holds.

        Saving whole sessions at every request would let a page's picture, asked for before a message was put
        into the session and answered after, take that message out again.
        """
        until = timezone.now() + timedelta(seconds=self.get_session_cookie_age())
        if self.session_key and self._expires is not None and self._expires < until - TOUCHED_EVERY:
            Session.objects.filter(pk=stored_key(self.session_key)).update(expire_date=until)

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    async def acreate_model_instance(self, data: dict[str, Any]) -> NoReturn:
        raise NotImplementedError("Sessions are saved by threads: a key would be stored in clear here.")

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(stored_key(key))
