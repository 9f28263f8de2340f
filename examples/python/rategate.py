#!/usr/bin/python3
"""Hold functions to a rate, across all processes of all hosts, by asking rategate.

    from rategate import RateLimitExceeded, limited, rate_per_second

    @rate_per_second(100)
    def send(mail): ...

    @limited("api", key=lambda request: request.user)
    async def handle(request): ...

    try:
        send(mail)
    except RateLimitExceeded as denied:
        retry_in(denied.retry_after)

    with Client().enter("work", timeout=2):  # of which only so many may go on at a time
        work()

rate_per_second(100) counts where the well-known recipe counts, rate-limit:<unix second>, so that
programs of both kinds share one limit; rate_per_second(100, "mail") is a limit of its own, declared
in the call; limited("api") is one that the daemon is configured with.

The daemon is asked at $RATEGATE_SOCKET, or else /run/rategate/rategate.sock. Needs Python 3.9 and
its standard library. All of it may be used by many threads, by many event loops, and after fork().

Copy this file or install the package python3-rategate. As a program it makes the recipe's 2000
calls 5 ms apart against 100 per second, and counts: rategate.py [CALLS].
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
import inspect
import math
import os
import random
import re
import socket
import sys
import threading
import time
import weakref
from typing import (Any, AsyncIterator, Awaitable, Callable, Dict, Iterable, Iterator, List,
                    NamedTuple, Optional, Sequence, Tuple, Type, TypeVar, Union, cast)

__all__ = ["Client", "Decision", "Entry", "RateLimitExceeded", "RateLimitError", "Reason", "Refused",
           "Unavailable", "limited", "rate_per_second"]

DEFAULT_SOCKET = "/run/rategate/rategate.sock"
RECIPE_LIMIT = "rate-limit"

Word = Union[str, bytes, int]
Function = TypeVar("Function", bound=Callable[..., Any])


class Reason(enum.IntEnum):
    """Why a decision is what it is."""

    COUNTED = 0
    OVER_LIMIT = 1
    STORE_AWAY = 2  # decided by the limit's on_store_down
    NEVER_FITS = 3  # the cost is above the limit, or the burst of a token bucket
    CLOCK_NOT_TRUSTED = 4
    BLOCKED = 5  # a rule blocks the key (limit 0), or a denial before does for a while (block_for)
    UNLIMITED = 6  # a rule lets the key pass; nothing is counted


class Decision(NamedTuple):
    """What the daemon has decided. Times are in seconds."""

    allowed: bool
    limit: int  # permits per period; 0: the key is blocked; -1: it is unlimited
    remaining: int  # an estimate, never a promise; -1 where it is not known
    retry_after: Optional[float]  # 0 when allowed; None when it can never be
    reset_after: float  # until the window's end
    reason: Reason
    receipt: int = 0  # for settle(); 0: nothing was taken, or the client asks for no receipts

    def http_fields(self, name: str, period: Optional[float] = None,
                    burst: int = 0) -> Dict[str, str]:
        """The fields of an HTTP response that say this decision about the limit `name`.

        RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers), X-RateLimit-Limit,
        -Remaining and -Reset (seconds, no Unix time), and Retry-After where asking again may help.
        `period` in seconds, None where it is not known, and `burst`, 0 where it is no token bucket,
        are those of the limit. What is not known is left out. Of a key that a rule blocks or makes
        unlimited there is no limit to tell of, and so no field.
        """
        if (self.reason, self.limit) in ((Reason.BLOCKED, 0), (Reason.UNLIMITED, -1)):
            return {}
        known = period is None or 0 <= period <= 1e9  # neither infinite nor no number
        period_ms = round(1000 * period) if known and period is not None else 0
        if not (known and _NAME.fullmatch(name) and self.limit >= 1 and 0 <= burst <= 1_000_000_000):
            raise ValueError(f"no limit: {name!r}, {period} s, burst {burst}")
        quota = burst or self.limit
        fields = {"RateLimit-Policy": f'"{name}";q={quota}'
                                      + _parameter("w", _window(self.limit, period_ms, burst))}
        if self.remaining >= 0:
            fields["RateLimit"] = (f'"{name}";r={self.remaining}'
                                   + _parameter("t", _until_more(self, period_ms, burst)))
        fields["X-RateLimit-Limit"] = str(quota)
        if self.remaining >= 0:
            fields["X-RateLimit-Remaining"] = str(self.remaining)
            fields["X-RateLimit-Reset"] = str(math.ceil(self.reset_after))
        if not self.allowed and self.retry_after:
            fields["Retry-After"] = str(math.ceil(self.retry_after))
        return fields


# Of these names none needs an escape in a string of a structured field.
_NAME = re.compile(r"[A-Za-z0-9_./@-]{1,64}")


def _parameter(key: str, value: Optional[int]) -> str:
    if value is None:
        return ""
    if value > 999_999_999_999_999:  # an integer of a structured field has 15 digits
        raise ValueError(f"{key}={value} has too many digits")
    return f";{key}={value}"


def _divide_up(number: int, by: int) -> int:
    return -(-number // by)


def _window(limit: int, period_ms: int, burst: int) -> Optional[int]:
    """The quota's time in seconds; of a bucket that in which it fills. None: it cannot be said."""
    if burst:
        fills_after, second = period_ms * burst, 1000 * limit  # in parts of a ms, `limit` to one
        return _divide_up(fills_after, second) if fills_after >= second else None
    return period_ms // 1000 if period_ms >= 1000 and period_ms % 1000 == 0 else None


def _until_more(decision: Decision, period_ms: int, burst: int) -> Optional[int]:
    """Seconds until more is available: to ask again, the window's end, or a bucket's next permit."""
    if not decision.allowed:
        return None if decision.retry_after is None else math.ceil(decision.retry_after)
    if not burst:
        return math.ceil(decision.reset_after)
    reset_ms = round(1000 * decision.reset_after)
    if not period_ms or not reset_ms:
        return None
    # A permit is there when the time until the bucket is full is a whole number of permits' times.
    over = reset_ms * decision.limit % period_ms
    return _divide_up(over or period_ms, 1000 * decision.limit)


class RateLimitError(Exception):
    """What this module raises."""


class RateLimitExceeded(RateLimitError):
    """The call was denied: it was not made, and took nothing."""

    def __init__(self, name: str, decision: Decision) -> None:
        self.name = name
        self.decision = decision
        if decision.retry_after is None:
            text = f"{name}: the cost never fits, with a limit of {decision.limit}"
        else:
            why = "" if decision.reason == Reason.OVER_LIMIT else f" ({decision.reason.name.lower()})"
            text = f"{name}: over the limit{why}, try again in {decision.retry_after:.3f} s"
        super().__init__(text)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (RateLimitExceeded, (self.name, self.decision))

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds; None where waiting does not help."""
        return self.decision.retry_after


class Unavailable(RateLimitError):
    """There is no decision: the daemon cannot be asked, did not answer in time, or has no store."""


class Refused(RateLimitError):
    """There is no decision: the question is wrong, such as an unknown limit or a key too long."""


class _NotThere(Unavailable):
    """Nobody is there to be asked, or who is there does not answer."""


class _Lost(Exception):
    """A connection that was kept had ended before it answered."""


def _bytes(word: Word) -> bytes:
    if isinstance(word, bytes):
        return word
    try:
        return str(word).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Refused(f"ERR no text: {error}") from None


def _request(words: List[Word]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = _bytes(word)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def _question(verb: str, name: str, key: Optional[Word], cost: int, permits: Optional[int],
              period: str) -> bytes:
    options: List[Word] = ["COST", cost] if cost != 1 else []
    return _about(verb, name, key, options, permits, period)


def _questions(checks: Iterable[Sequence[Word]]) -> bytes:
    words: List[Word] = ["CHECKALL"]
    for check in checks:
        name, key, cost = (*check, "", 1)[:3] if len(check) == 1 else (*check, 1)[:3]
        words += [name, key, cost]
    return _request(words)


def _settlement(name: str, key: Optional[Word], took: int, used: int, receipt: int,
                permits: Optional[int], period: str) -> bytes:
    options: List[Word] = ["TOOK", took, "USED", used, "AT", receipt]
    return _about("SETTLE", name, key, options, permits, period)


def _about(verb: str, name: str, key: Optional[Word], options: List[Word],
           permits: Optional[int], period: str) -> bytes:
    words: List[Word] = [verb, name]
    if key is not None:
        words.append(key)
    words += options
    if permits is not None:
        words += ["LIMIT", permits, "PERIOD", period]
    return _request(words)


def _whole(answer: bytes) -> bool:
    """Whether the answer to a question is all there: numbers, a map, or one line."""
    if not answer.startswith(b"*"):
        return b"\r\n" in answer
    if answer.startswith(b"*5\r\n"):
        return answer.count(b"\r\n") >= 6
    if answer.count(b"\r\n") < 7:
        return False
    return answer.startswith(b"*6\r\n") or _map(answer) is not None


_VALUE = re.compile(rb":(-?\d+)\r\n|\$(\d+)\r\n")


def _map(answer: bytes) -> Optional[Dict[bytes, bytes]]:
    """The values of an answer to CHECKX, by their names. None: more is to come; empty: it is none."""
    head = re.match(rb"\*(\d{1,4})\r\n", answer)
    if head is None:
        return {}
    words: List[bytes] = []
    at = head.end()
    while len(words) < int(head[1]):
        found = _VALUE.match(answer, at)
        if found is None:
            return {} if b"\r\n" in answer[at:] else None
        number, size = found.groups()
        at = found.end()
        if size is not None:
            number = answer[at:at + int(size)]
            at += int(size) + 2
            if at > len(answer):
                return None
        words.append(number)
    return dict(zip(words[::2], words[1::2])) if at == len(answer) else {}


# The errors that are an outage. All others are about the question, and no time mends them.
_OUTAGES = (b"STOREDOWN ", b"SHUTDOWN ", b"ERR max number of clients ")

_FIVE = re.compile(rb"\*5\r\n" + rb":(-?\d+)\r\n" * 5)
_SIX = re.compile(rb"\*6\r\n" + rb":(-?\d+)\r\n" * 6)
_SEVEN = re.compile(rb"\*7\r\n" + rb":(-?\d+)\r\n" * 7)
_ERROR = re.compile(rb"-([^\r\n]*)\r\n")
_NUMBER = re.compile(rb":(-?\d+)\r\n")
_FIELDS = (b"allowed", b"limit", b"remaining", b"retry_after_ms", b"reset_after_ms", b"reason",
           b"receipt")


def _clean(answer: bytes) -> bool:
    """Whether it is an answer, and nothing behind it: the connection can be asked again."""
    shapes = _FIVE, _SIX, _SEVEN, _ERROR, _NUMBER
    return any(shape.fullmatch(answer) for shape in shapes) or bool(_map(answer))


def _raise_error(answer: bytes) -> None:
    found = _ERROR.fullmatch(answer)
    if found is not None:
        raise (Unavailable if found[1].startswith(_OUTAGES) else Refused)(
            found[1].decode("utf-8", "replace"))


def _decision(answer: bytes) -> Decision:
    found = _SIX.fullmatch(answer)
    if found is not None:
        numbers = [*map(int, found.groups()), 0]
    else:
        _raise_error(answer)
        told = _map(answer) or {}
        try:
            numbers = [int(told[field]) for field in _FIELDS]
        except (KeyError, ValueError):
            raise Refused(f"this is no decision: {answer[:80]!r}") from None
    allowed, limit, remaining, retry, reset, reason, receipt = numbers
    return Decision(allowed == 1, limit, remaining, None if retry < 0 else retry / 1000,
                    reset / 1000, Reason(reason), receipt)


def _combined(answer: bytes) -> Tuple[Decision, int]:
    _raise_error(answer)
    found = _SEVEN.fullmatch(answer)
    if found is None:
        raise Refused(f"this is no combined decision: {answer[:80]!r}")
    numbers = found.groups()
    six = b"*6\r\n" + b"".join(b":%s\r\n" % number for number in numbers[:1] + numbers[2:])
    return _decision(six), int(numbers[1])


def _entered(answer: bytes) -> Tuple[Decision, int]:
    """The decision of ENTER, and the ticket."""
    _raise_error(answer)
    found = _FIVE.fullmatch(answer)
    if found is None:
        raise Refused(f"this is no entry: {answer[:80]!r}")
    entered, limit, remaining, retry, ticket = map(int, found.groups())
    reason = (Reason.COUNTED if entered == 1 else
              Reason.NEVER_FITS if retry < 0 else Reason.OVER_LIMIT)
    return Decision(entered == 1, limit, remaining, None if retry < 0 else retry / 1000, 0.0,
                    reason), ticket


def _told(error: RateLimitError) -> Union[Decision, RateLimitError]:
    return error.decision if isinstance(error, RateLimitExceeded) else error


def _kind(error: OSError) -> Type[Unavailable]:
    return Unavailable if isinstance(error, (BrokenPipeError, ConnectionResetError)) else _NotThere


def _end(told: Union[Decision, RateLimitError]) -> Decision:
    if isinstance(told, RateLimitError):
        raise told
    return told


def _count(answer: bytes) -> int:
    _raise_error(answer)
    found = _NUMBER.fullmatch(answer)
    if found is None:
        raise Refused(f"this is no number: {answer[:80]!r}")
    return int(found[1])


def _seconds(value: float, what: str, expected: str) -> float:
    """The number that it is. What is none is refused as the daemon refuses numbers."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        number = math.nan if isinstance(value, (str, bytes)) else float(value)
        if not math.isnan(number):
            return number
    raise Refused(f"ERR invalid {what} {value!r}: expected {expected}")


class _Waiting:
    """When acquire() asks the daemon, and for how long that is to wait.

    `timeout` in seconds is for all of it, None has no end; `patience` is for one answer, and for an
    outage.
    """

    def __init__(self, timeout: Optional[float], patience: float) -> None:
        self._deadline = math.inf
        if timeout is not None:
            seconds = _seconds(timeout, "time-out", "seconds, or None for no end")
            self._deadline = time.monotonic() + seconds
        self._patience = patience
        self._asked = 0.0
        self._reached = False  # a daemon was asked, so that errors may be of a restart
        self._polls = False  # it has no ACQUIRE
        self._outage_end = math.inf

    def ask(self) -> Optional[int]:
        """For how many ms the daemon is to wait, which is asked now. None: for none, by CHECK."""
        self._asked = time.monotonic()
        left = self._deadline - self._asked
        if self._polls or left <= 0:
            return None
        # One that hangs is to be noticed in the end.
        return 60_000 if left == math.inf else min(math.ceil(1000 * left), 3_600_000)

    def again(self, told: Union[Decision, RateLimitError]) -> Optional[float]:
        """In how many seconds to ask again. None: it ends with what was told."""
        now = time.monotonic()
        if isinstance(told, Decision):
            self._reached, self._outage_end = True, math.inf
            if told.allowed or told.retry_after is None or now >= self._deadline:
                return None
            # Those who were denied together do not come back as one; and the limit may be raised.
            pause = max(told.retry_after, 0.001) + random.uniform(0, min(0.1, told.reset_after / 10))
            return min(pause, random.uniform(1, 2), self._deadline - now)
        if not self._polls and str(told).startswith("ERR unknown command"):
            self._reached = self._polls = True
            return 0
        passing = isinstance(told, Unavailable) or str(told).startswith("BUSY ")
        if passing and not isinstance(told, _NotThere):
            self._reached = True
            if now - self._asked > self._patience:  # it was there, and let this one wait
                self._outage_end = math.inf
        if not passing or not self._reached or now >= min(self._outage_end, self._deadline):
            return None
        if self._outage_end == math.inf:
            self._outage_end = now + self._patience
            return 0  # the connection may be of a daemon that was restarted since
        return random.uniform(0.05, 0.1)


def _stands(connection: socket.socket) -> bool:
    """Whether it has not ended. The daemon says nothing by itself: what can be read is the end."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _time_left(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout
    connection.settimeout(left)


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(4096)
    if not data:
        raise ConnectionResetError(0, "the connection ended")
    return data


async def _aready(connection: socket.socket, deadline: float, writing: bool = False) -> None:
    """Returns when it can be read, or written to; raises socket.timeout at the deadline."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()

    def wake(in_time: bool) -> None:
        if not ready.done():
            ready.set_result(in_time)

    (loop.add_writer if writing else loop.add_reader)(connection, wake, True)
    timer = loop.call_later(max(0, deadline - time.monotonic()), wake, False)
    try:
        in_time = await ready
    finally:
        timer.cancel()
        (loop.remove_writer if writing else loop.remove_reader)(connection)
    if not in_time:
        raise socket.timeout


_Ready = Callable[..., Awaitable[None]]


class _PutOff:
    """A context in which what waits by ready() is finished before it is cancelled.

    It is done in the task that is cancelled: another one would be cancelled by the end of the loop.
    """

    def __init__(self) -> None:
        self._cancelled: Optional[asyncio.CancelledError] = None

    async def ready(self, connection: socket.socket, deadline: float, writing: bool = False) -> None:
        """_aready(), and returns too soon where it is cancelled: so it notices what is ready."""
        try:
            await _aready(connection, deadline, writing)
        except asyncio.CancelledError as error:
            self._cancelled = error
            if time.monotonic() >= deadline:
                raise socket.timeout from None

    def __enter__(self) -> _PutOff:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cancelled is not None:
            raise self._cancelled


def _give_up(connection: socket.socket, answer: bytes) -> int:
    """Ends the connection of an ENTER that nobody waits for any more.

    Returns the ticket if it has entered by then; 0: it has not. What the daemon cannot tell any more
    it takes back, and who stands in its line leaves that.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # what was sent before can still be read
        connection.setblocking(False)
        while not _whole(answer):
            answer += _receive(connection)
    with contextlib.suppress(RateLimitError):
        return _entered(answer)[1]
    return 0


class Entry:
    """Work that has entered a limit of concurrency by enter() or aenter(), until its context ends.

    No two calls on it may be running at a time.
    """

    def __init__(self, decision: Decision, ticket: int, client: Client, timed: bool) -> None:
        self.decision = decision  # limit and remaining are slots
        self.lost = False  # the slot was found to be given back before the work was done
        self._ticket = ticket
        self._client = client  # if not timed, with the entry's own connection
        self._timed = timed
        self._left = False

    # pylint: disable=protected-access
    def stay(self) -> bool:
        """Whether the slot is still its own; one that `lasts` does so as long again from now.

        Of one that lasts for a time it asks the daemon, and raises where there is no answer. Else
        it asks nobody: the slot is lost with its daemon, and then work goes on that is not counted;
        a forked child does not own it.
        """
        if self._timed and self._stands():
            self.lost = _count(self._client._exchange(_request(["STAY", self._ticket]))) == 0
        return self._stands()

    async def astay(self) -> bool:
        """stay() for coroutines."""
        if self._timed and self._stands():
            self.lost = _count(await self._client._aexchange(_request(["STAY", self._ticket]))) == 0
        return self._stands()

    def leave(self) -> bool:
        """Gives the slot back before the context ends. False: it was not its own any more.

        Of one that lasts for a time it raises where there is no answer: the slot is given back when
        the time is over.
        """
        if not self._begins_to_leave():
            return False
        try:
            self._tell_left(self._client._exchange(self._leaving(), not self._timed))
        except RateLimitError:
            if self._timed:
                raise  # else the connection was closed, by which it has left as well
        return not self.lost

    async def aleave(self) -> bool:
        """leave() for coroutines. Who is cancelled meanwhile has left before that is raised."""
        if not self._begins_to_leave():
            return False
        with _PutOff() as put_off:
            ready = put_off.ready if self._timed else _aready  # which ends the connection
            try:
                self._tell_left(await self._client._aexchange(
                    self._leaving(), not self._timed, ready=ready))
            except RateLimitError:
                if self._timed:
                    raise
        return not self.lost

    def detach(self) -> int:
        """Of one that lasts for a time: its ticket. The context does not leave then.

        Whoever is told it goes on with the work, and asks the daemon to STAY and LEAVE, as
        `rategate stay` and `rategate leave` do in a shell.
        """
        if not self._timed or self._left:
            raise Refused("ERR only what lasts for a time, and has not left, is for somebody else")
        self._left = True
        return self._ticket

    def _stands(self) -> bool:
        if not self._timed and not self._left:
            self.lost = self.lost or not self._client._stand()
        return not self._left and not self.lost

    def _begins_to_leave(self) -> bool:
        stands = self._stands()
        self._left = True
        return stands

    def _leaving(self) -> bytes:
        return _leaving(self._ticket)

    def _tell_left(self, answer: bytes) -> None:
        self.lost = _count(answer) == 0


def _leaving(ticket: int) -> bytes:
    return _request(["LEAVE", ticket])


def _entry(name: str, answer: bytes, client: Client, timed: bool) -> Entry:
    decision, ticket = _entered(answer)
    if not decision.allowed:
        raise RateLimitExceeded(name, decision)
    return Entry(decision, ticket, client, timed)


def _entering(waiting: _Waiting, name: str, key: Optional[Word], cost: int,
              lasts: Optional[float]) -> Tuple[bytes, float]:
    """A request to enter, and for how many seconds it may wait in the daemon."""
    wait_ms = waiting.ask() or 0
    options: List[Word] = ["COST", cost]
    if wait_ms:
        options += ["TIMEOUT", wait_ms]
    if lasts is not None:
        seconds = _seconds(lasts, "time", "0.1 to 86400 seconds")
        # Those of a day and more are refused, however many.
        options += ["FOR", round(1000 * max(-1.0, min(seconds, 1e9)))]
    return _about("ENTER", name, key, options, None, ""), wait_ms / 1000


class Client:
    """Asks one daemon. Keeps connections for as many checks as are made at a time."""

    _lock: threading.Lock
    _idle: List[socket.socket]

    def __init__(self, path: Optional[str] = None, timeout: float = 1.0,
                 receipts: bool = False) -> None:
        """`timeout` in seconds is for one check with all that it takes.

        With `receipts` decisions have a receipt, which settle() needs; their answers are longer.
        """
        self._path = path
        self._check_verb = "CHECKX" if receipts else "CHECK"
        self._acquire_verb = "ACQUIREX" if receipts else "ACQUIRE"
        self.timeout = timeout
        self._forget()
        _clients.add(self)

    @property
    def path(self) -> str:
        """Where the daemon is asked."""
        return self._path or os.environ.get("RATEGATE_SOCKET") or DEFAULT_SOCKET

    def check(self, name: str, key: Optional[Word] = None, cost: int = 1,
              permits: Optional[int] = None, period: str = "1s") -> Decision:
        """Takes `cost` permits of a limit if they are there.

        `permits` and `period` ("250ms", "1s", "1h") declare a limit that is not configured.
        """
        return _decision(self._exchange(
            _question(self._check_verb, name, key, cost, permits, period)))

    def peek(self, name: str, key: Optional[Word] = None, cost: int = 1,
             permits: Optional[int] = None, period: str = "1s") -> Decision:
        """What check() would decide now, and nothing is taken.

        It reserves nothing: the check after it may be denied, although this said that it is allowed.
        """
        return _decision(self._exchange(_question("PEEK", name, key, cost, permits, period)))

    async def acheck(self, name: str, key: Optional[Word] = None, cost: int = 1,
                     permits: Optional[int] = None, period: str = "1s") -> Decision:
        """check() for coroutines."""
        return _decision(await self._aexchange(
            _question(self._check_verb, name, key, cost, permits, period)))

    async def apeek(self, name: str, key: Optional[Word] = None, cost: int = 1,
                    permits: Optional[int] = None, period: str = "1s") -> Decision:
        """peek() for coroutines."""
        return _decision(await self._aexchange(_question("PEEK", name, key, cost, permits, period)))

    def check_all(self, checks: Iterable[Sequence[Word]]) -> Tuple[Decision, int]:
        """Asks for permits of several limits in one decision: of all of them, or of none.

        Each is (name,), (name, key) or (name, key, cost). Returns the decision and the place of the
        one that it is of: denied, of those known to deny, who denies for longest; allowed, of whom
        the smallest part is left. There is no receipt.
        """
        return _combined(self._exchange(_questions(checks)))

    async def acheck_all(self, checks: Iterable[Sequence[Word]]) -> Tuple[Decision, int]:
        """check_all() for coroutines."""
        return _combined(await self._aexchange(_questions(checks)))

    def settle(self, name: str, key: Optional[Word] = None, *, took: int, used: int, receipt: int,
               permits: Optional[int] = None, period: str = "1s") -> int:
        """Says what was used of what a check() with these words took by that receipt.

        Returns how many permits were taken back; negative: so many were charged, because more was
        used. It is never sent twice, and is not to be repeated: settled twice, it gives back twice.
        Whether it was settled is not known where it raises Unavailable.
        """
        request = _settlement(name, key, took, used, receipt, permits, period)
        return _count(self._exchange(request, once=True))

    async def asettle(self, name: str, key: Optional[Word] = None, *, took: int, used: int,
                      receipt: int, permits: Optional[int] = None, period: str = "1s") -> int:
        """settle() for coroutines."""
        request = _settlement(name, key, took, used, receipt, permits, period)
        return _count(await self._aexchange(request, once=True))

    def clear(self, name: str, key: Optional[Word] = None, permits: Optional[int] = None,
              period: str = "1s") -> int:
        """Lets the limit begin anew for the key, on all hosts, before it returns.

        Returns how many permits were counted of it. For users who may administer the daemon's
        limits; the others, and whom the store has not done it for, have a Refused or Unavailable.
        """
        return _count(self._exchange(_about("CLEAR", name, key, [], permits, period)))

    async def aclear(self, name: str, key: Optional[Word] = None, permits: Optional[int] = None,
                     period: str = "1s") -> int:
        """clear() for coroutines."""
        return _count(await self._aexchange(_about("CLEAR", name, key, [], permits, period)))

    def acquire(self, name: str, key: Optional[Word] = None, cost: int = 1,
                permits: Optional[int] = None, period: str = "1s", *,
                timeout: Optional[float] = None) -> Decision:
        """check() that waits where it would be denied: first come first served, and nobody polls.

        It waits for `timeout` seconds, None for as long as it takes, and returns the denial when
        they are over, or at once where the cost can never fit. An outage that comes while it waits
        is waited out for the client's time-out. A daemon older than ACQUIRE is asked by CHECK again
        and again.
        """
        waiting = _Waiting(timeout, self.timeout)
        while True:
            request, wait = self._waiting_question(waiting, name, key, cost, permits, period)
            told: Union[Decision, RateLimitError]
            try:
                told = _decision(self._exchange(request, wait > 0, wait))
            except RateLimitError as error:
                told = error
            pause = waiting.again(told)
            if pause is None:
                return _end(told)
            time.sleep(pause)

    async def aacquire(self, name: str, key: Optional[Word] = None, cost: int = 1,
                       permits: Optional[int] = None, period: str = "1s", *,
                       timeout: Optional[float] = None) -> Decision:
        """acquire() for coroutines. Who is cancelled leaves the daemon's line."""
        waiting = _Waiting(timeout, self.timeout)
        while True:
            request, wait = self._waiting_question(waiting, name, key, cost, permits, period)
            told: Union[Decision, RateLimitError]
            try:
                told = _decision(await self._aexchange(request, wait > 0, wait))
            except RateLimitError as error:
                told = error
            pause = waiting.again(told)
            if pause is None:
                return _end(told)
            await asyncio.sleep(pause)

    def _waiting_question(self, waiting: _Waiting, name: str, key: Optional[Word], cost: int,
                          permits: Optional[int], period: str) -> Tuple[bytes, float]:
        """A request, and for how many seconds it may wait in the daemon."""
        wait_ms = waiting.ask()
        if wait_ms is None:
            return _question(self._check_verb, name, key, cost, permits, period), 0
        options: List[Word] = ["COST", cost, "TIMEOUT", wait_ms]
        return _about(self._acquire_verb, name, key, options, permits, period), wait_ms / 1000

    @contextlib.contextmanager
    def enter(self, name: str, key: Optional[Word] = None, cost: int = 1, *,
              timeout: Optional[float] = 0, lasts: Optional[float] = None) -> Iterator[Entry]:
        """A context of work of which only so many may go on at a time: it enters, and leaves.

        Denied, it waits for others to leave, first come first served, for `timeout` seconds (None
        for as long as it takes), and raises RateLimitExceeded when they are over, or at once where
        the cost can never fit. An outage is waited out as by acquire(). The slot is given back
        however the context or the process ends; where it was lost before, the entry's `lost` says
        so.

        With `lasts`, 0.1 to 86400 seconds, it belongs to no connection, and is over after that time
        unless stay() renews it: for work that others go on with when this process has ended, or
        that must not hold its slot while it hangs. It leaves with its context, in a forked child as
        well, and where it is interrupted; where the process is killed, or an answer lost, when the
        time is over.
        """
        lane = self if lasts is not None else self._lane()
        try:
            waiting = _Waiting(timeout, self.timeout)
            while True:
                request, wait = _entering(waiting, name, key, cost, lasts)
                try:
                    answer = lane._exchange(request, wait > 0, wait, lasts is not None)
                    entry = _entry(name, answer, lane, lasts is not None)
                except RateLimitError as error:
                    pause = waiting.again(_told(error))
                    if pause is None:
                        raise
                    time.sleep(pause)
                else:
                    break
            try:
                yield entry
            finally:
                with contextlib.suppress(RateLimitError):  # then it ends with its time
                    entry.leave()
        finally:
            if lane is not self:
                lane.close()

    @contextlib.asynccontextmanager
    async def aenter(self, name: str, key: Optional[Word] = None, cost: int = 1, *,
                     timeout: Optional[float] = 0,
                     lasts: Optional[float] = None) -> AsyncIterator[Entry]:
        """enter() for coroutines. Who is cancelled leaves, or leaves the daemon's line.

        With `lasts` that is so also where the daemon's answer was on its way: the cancellation is
        raised when the daemon has answered that it has left, or the client's time-out is over.
        """
        lane = self if lasts is not None else self._lane()
        try:
            waiting = _Waiting(timeout, self.timeout)
            while True:
                request, wait = _entering(waiting, name, key, cost, lasts)
                try:
                    answer = await lane._aexchange(request, wait > 0, wait, lasts is not None)
                    entry = _entry(name, answer, lane, lasts is not None)
                except RateLimitError as error:
                    pause = waiting.again(_told(error))
                    if pause is None:
                        raise
                    await asyncio.sleep(pause)
                else:
                    break
            try:
                yield entry
            finally:
                with contextlib.suppress(RateLimitError):
                    await entry.aleave()
        finally:
            if lane is not self:
                await lane.aclose()

    # What is asked for one entry, and for nothing else: the daemon takes the slot back when the
    # connection is closed that has entered, which a call that fails does, and the kernel however
    # this process ends.
    def _lane(self) -> Client:
        return Client(self._path, self.timeout)

    def _stand(self) -> bool:
        """Whether what was kept has not ended. A forked child has none."""
        return any(map(_stands, self._idle))

    def close(self) -> None:
        """Closes what is not in use. The client can still be used."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def aclose(self) -> None:
        """close() for coroutines."""
        self.close()

    # A forked child must neither read its parent's answers nor wait for a lock that a thread of
    # its parent held.
    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._idle = []

    # The daemon may let what it is asked wait for `wait` seconds. Who `enters` by time has not entered
    # where it raises: it leaves by the ticket, should that have come nonetheless.
    def _exchange(self, request: bytes, once: bool = False, wait: float = 0,
                  enters: bool = False) -> bytes:
        deadline = time.monotonic() + self.timeout + wait
        try:
            while True:
                connection, kept = self._take()
                try:
                    return self._ask(connection, request, deadline, kept and not once, enters)
                except _Lost:
                    # It ended before it answered, as when the daemon was restarted. Should a
                    # check have been counted all the same, it is counted twice: never too few.
                    continue
        except OSError as error:
            raise self._failure(error) from None

    # It waits by `ready`, and nowhere else.
    async def _aexchange(self, request: bytes, once: bool = False, wait: float = 0,
                         enters: bool = False, ready: _Ready = _aready) -> bytes:
        deadline = time.monotonic() + self.timeout + wait
        try:
            while True:
                connection, kept = self._take()
                try:
                    return await self._aask(connection, request, deadline, kept and not once,
                                            enters, ready)
                except _Lost:
                    continue
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> Unavailable:
        why = "no answer in time" if isinstance(error, socket.timeout) else error.strerror
        return _kind(error)(f"rategate at {self.path}: {why or error}")

    def _take(self) -> Tuple[socket.socket, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.path)
        except BaseException:
            connection.close()
            raise
        return connection, False

    def _ask(self, connection: socket.socket, request: bytes, deadline: float, again: bool,
             enters: bool) -> bytes:
        answer = b""
        keep = False
        try:
            _time_left(connection, deadline)
            connection.sendall(request)
            while not _whole(answer):
                _time_left(connection, deadline)
                answer += _receive(connection)
            keep = _clean(answer)
        except (BrokenPipeError, ConnectionResetError):
            if again and not answer:
                raise _Lost from None
            raise
        finally:
            ticket = 0 if keep or not enters else _give_up(connection, answer)
            self._put_back(connection, keep)
            if ticket:
                with contextlib.suppress(RateLimitError):
                    self._exchange(_leaving(ticket))
        return answer

    async def _aask(self, connection: socket.socket, request: bytes, deadline: float, again: bool,
                    enters: bool, ready: _Ready) -> bytes:
        answer = b""
        keep = closing = False
        try:
            connection.setblocking(False)
            left = memoryview(request)
            while left:
                try:
                    left = left[connection.send(left):]
                except BlockingIOError:
                    await ready(connection, deadline, True)
            while not _whole(answer):
                await ready(connection, deadline)
                with contextlib.suppress(BlockingIOError):
                    answer += _receive(connection)
            keep = _clean(answer)
        except (BrokenPipeError, ConnectionResetError):
            if again and not answer:
                raise _Lost from None
            raise
        except GeneratorExit:  # it may wait for nothing any more
            closing = True
            raise
        finally:
            ticket = 0 if keep or not enters else _give_up(connection, answer)
            self._put_back(connection, keep)
            if ticket and closing:
                with contextlib.suppress(RateLimitError):
                    self._exchange(_leaving(ticket))
            elif ticket:
                with contextlib.suppress(RateLimitError), _PutOff() as put_off:
                    await self._aexchange(_leaving(ticket), ready=put_off.ready)
        return answer

    def _put_back(self, connection: socket.socket, keep: bool) -> None:
        if keep:
            with self._lock:
                self._idle.append(connection)
        else:
            connection.close()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client._forget()  # pylint: disable=protected-access


os.register_at_fork(after_in_child=_after_fork)

_default = Client()


def limited(name: str, *, key: Union[Word, Callable[..., Word], None] = None,
            cost: Union[int, Callable[..., int]] = 1, permits: Optional[int] = None,
            period: str = "1s", when_away: str = "raise",
            client: Optional[Client] = None) -> Callable[[Function], Function]:
    """A decorator: each call is asked for first, and raises RateLimitExceeded if it is denied.

    `key` and `cost` are values, or functions of the call's arguments. `permits` per `period` declare
    a limit that the daemon is not configured with. `when_away` says what is done where there is no
    decision, for the daemon or its store is away: "raise" Unavailable, or "allow" the call. A
    question that is wrong raises Refused in any case.
    """
    if when_away not in ("raise", "allow"):
        raise ValueError('when_away is "raise" or "allow"')
    ask = client or _default

    def words(args: Tuple[Any, ...], kwargs: Any) -> Tuple[Optional[Word], int]:
        return (key(*args, **kwargs) if callable(key) else key,
                cost(*args, **kwargs) if callable(cost) else cost)

    def judge(decision: Decision) -> None:
        if not decision.allowed:
            raise RateLimitExceeded(name, decision)

    def decorate(function: Function) -> Function:
        if inspect.iscoroutinefunction(function):
            @functools.wraps(function)
            async def alimited(*args: Any, **kwargs: Any) -> Any:
                the_key, the_cost = words(args, kwargs)
                try:
                    judge(await ask.acheck(name, the_key, the_cost, permits, period))
                except Unavailable:
                    if when_away == "raise":
                        raise
                return await function(*args, **kwargs)
            return cast(Function, alimited)

        @functools.wraps(function)
        def limited_function(*args: Any, **kwargs: Any) -> Any:
            the_key, the_cost = words(args, kwargs)
            try:
                judge(ask.check(name, the_key, the_cost, permits, period))
            except Unavailable:
                if when_away == "raise":
                    raise
            return function(*args, **kwargs)
        return cast(Function, limited_function)

    return decorate


def rate_per_second(count: int, name: str = RECIPE_LIMIT, *,
                    key: Union[Word, Callable[..., Word], None] = None,
                    cost: Union[int, Callable[..., int]] = 1, when_away: str = "raise",
                    client: Optional[Client] = None) -> Callable[[Function], Function]:
    """limited() to `count` calls per second, declared in the call.

    Without a name all programs of all hosts that do the same share the recipe's counter.
    """
    return limited(name, key=key, cost=cost, permits=count, when_away=when_away, client=client)


def _demo(calls: int) -> None:
    @rate_per_second(100)
    def my_function() -> None:
        pass

    success = fail = 0
    for _ in range(calls):
        try:
            my_function()
            success += 1
        except RateLimitExceeded:
            fail += 1
        time.sleep(0.005)
    print(f"Success count = {success}")
    print(f"Fail count = {fail}")


if __name__ == "__main__":
    try:
        _demo(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    except RateLimitError as failure:
        sys.exit(str(failure))
