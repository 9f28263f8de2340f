"""What a row of docs/failures.md is: a fault, and what is promised of it."""

import dataclasses
import re
import typing

from support.resp import STORE_AWAY

BACKOFF_MAX = 0.5  # seconds, of every daemon here
# Redis is there, no count is lost: the longest back-off, and a second.
BACK = BACKOFF_MAX + 1.0
# A lone Redis that has lost counts: windows that had begun, or that a host may have reserved, too.
BURNT = BACK + 1.0 + 0.625 + 0.1
# A primary in the place of another: and for how long the old one may have proved that it still is.
REPLACED = BURNT + 2.5


@dataclasses.dataclass(frozen=True)
class Row:
    """name      as in `./dev chaos NAME`
    fault       a function of a Scene: starts it, brings the fault about, and ends it
    log         the event that every host concerned writes, "": none
    field       the field of INFO that shows it on each of them, "": none
    shows       what that shows then, which it did not before: a pattern, or a function of what it
                was and what it is
    within      seconds from the fault's end until every host is allowed something of each limit per
                second again, by the store
    reasons     of denials while it lasts, beside those for the limit
    hosts       the numbers of those concerned; nobody is denied for any of `reasons` elsewhere
    hour        whether there is load on a limit per hour as well
    shared      whether there are programs that decide in shared memory as well
    again       whether a window that comes again, since a clock was set back, has its limit again
    """

    name: str
    fault: typing.Callable
    log: str
    field: str = ""
    shows: typing.Any = ""
    within: float = BACK
    reasons: tuple = (STORE_AWAY,)
    hosts: tuple = (0, 1, 2)
    hour: bool = False
    shared: bool = True
    again: bool = False

    def is_shown(self, before, now):
        if callable(self.shows):
            return self.shows(before, now)
        return now != before and re.search(self.shows, now) is not None


def clock_moved(before, now):
    """What clock_offset_us shows where a clock was set to another time."""
    return abs(int(now) - int(before)) > 1_000_000
