"""An open workbook follows its file: what another program, such as a feed, writes into it is shown."""

from __future__ import annotations

from threading import Lock

from xlmargin.errors import MarginError
from xlmargin.faces.web.session import Session


class FileFollower:
    """Takes over what another program wrote into the file of a session, unless there are edits to save.

    Parameters: session, which goes on with the file's new content.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = Lock()
        self._seen = self._refused = -1  # times of change: of what is shown, and of what cannot be
        self._told = ""

    def follow(self) -> str:
        """Look whether the file has changed; returns the line to tell where that cannot be shown, else ""."""
        if self._lock.acquire(blocking=False):  # another page's question is on it already
            try:
                self._told = self._followed()
            except MarginError as error:
                self._told = str(error)
            finally:
                self._lock.release()
        return self._told

    def _followed(self) -> str:
        session = self._session
        try:
            stamp = session.path.stat().st_mtime_ns
        except OSError as error:
            raise MarginError(f"{session.path} cannot be read any more ({error.strerror}).") from None
        if stamp == self._refused:
            return self._told
        if stamp == self._seen or session.is_current():
            self._seen = stamp
            return ""
        if session.dirty:
            return (
                f"{session.path.name} was changed by another program, such as a feed: its new values appear here once your edits "
                "are undone; Download a copy keeps them."
            )
        revision, self._refused = session.state()["revision"], stamp
        fresh = session.read_again()
        self._refused = -1
        session.take(fresh, revision)
        return ""
