"""The pages that owners saw, each once, with a picture of it where there is a Chromium.

A picture is taken while the rehearsal waits for something else.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local import chromium
from local.rehearsal.browser import Page
from local.rehearsal.stage import Sight

if TYPE_CHECKING:
    from local.rehearsal.camera import Camera, Picture

WHY_NONE = (
    "there is no Chromium on this machine; `make build/chromium/.done rehearse` fetches one into"
    " build/, and plays again"
)


@dataclass
class Seen:
    """A page that was seen, perhaps several times: by other people, of other locations.

    Attributes:
        page: As it was seen first.
        did: What the owner had done.
        checks: The numbers of the checks in which it was seen, once per time.
        place: In the report: its first check, and how many pages that check showed before it.
        picture: When it is taken; nothing if there is no Chromium.
    """

    page: Page
    did: str
    checks: list[int] = field(default_factory=list)
    place: tuple[int, int] = (0, 0)
    picture: "Future[Picture] | None" = None


class Album:
    """Sorts the pages, and takes their pictures; a context manager.

    Args:
        mask: Applied to each page before a browser sees it.

    Attributes:
        why_none: Why there are no pictures, or no PDF; empty if there are.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self.why_none = "" if chromium.executable() else WHY_NONE
        self._mask = mask
        self._seen: dict[tuple[object, ...], Seen] = {}
        self._sorting = threading.Lock()  # several checks are played at once
        # The camera wants all its calls from one thread.
        self._worker = ThreadPoolExecutor(1, "pictures")
        self._camera: Camera | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for each in self._seen.values():
            if each.picture:
                each.picture.cancel()  # after Ctrl-C nobody waits for it
        self._worker.submit(self._close)
        self._worker.shutdown()

    def add(self, check: int, owner: str, sights: Sequence[Sight]) -> None:
        """Sort the pages of a check, whose owner has that name; return at once."""
        with self._sorting:
            for number, sight in enumerate(sights):
                place, key = (check, number), _likeness(sight.page, owner)
                if key not in self._seen:
                    picture = self._take(sight.page)
                    self._seen[key] = Seen(sight.page, sight.did, picture=picture, place=place)
                seen = self._seen[key]
                seen.place = min(seen.place, place)
                seen.checks = sorted([*seen.checks, check])

    def pages(self) -> list[Seen]:
        """Each page once, in the order of the checks."""
        return sorted(self._seen.values(), key=lambda each: each.place)

    def place(self, page: Page, owner: str) -> int:
        """The number of a page among `pages`, from 1."""
        return self.pages().index(self._seen[_likeness(page, owner)]) + 1

    def pictures(self) -> "list[Picture]":
        """One of each page; nothing at all, and `why_none`, if one could not be taken."""
        try:
            return [each.picture.result() for each in self.pages() if each.picture]
        except OSError as error:
            self.why_none = f"Chromium failed: {error}"
            return []

    def print(self, page: Path, to: Path, foot: str) -> bool:
        """Make a PDF, as the camera does; whether it is there."""
        if self.why_none:
            return False
        try:
            self._worker.submit(lambda: self._ready().print(page, to, foot)).result()
        except OSError as error:
            self.why_none = f"Chromium failed: {error}"
            return False
        return True

    def _take(self, page: Page) -> "Future[Picture] | None":
        return None if self.why_none else self._worker.submit(lambda: self._ready().shoot(page))

    # In that one thread

    def _ready(self) -> "Camera":
        if self._camera is None:
            # Imported here, in its thread: a fifth of a second, for which nobody has to wait.
            from local.rehearsal.camera import Camera  # noqa: PLC0415

            self._camera = Camera(self._mask)
        return self._camera

    def _close(self) -> None:
        if self._camera:
            self._camera.close()


def _likeness(page: Page, owner: str) -> tuple[object, ...]:
    """What pages have in common that differ only in who sees them, and of which location."""
    return (
        page.status,
        page.title.replace(owner, ""),
        frozenset(page.standings.values()),
        frozenset(page.telephony.values()),
        tuple(page.form.asked) if page.form else None,
        bool(page.pbx_key),
    )
