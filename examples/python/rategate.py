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
import enum
import functools
import inspect
import os
import re
import socket
import sys
import threading
import time
import weakref
from typing import Any, Callable, List, NamedTuple, Optional, Tuple, TypeVar, Union, cast

__all__ = ["Client", "Decision", "RateLimitExceeded", "RateLimitError", "Reason", "Refused",
           "Unavailable", "limited", "rate_per_second"]

DEFAULT_SOCKET = "/run/rategate/rategate.sock"
RECIPE_LIMIT = "rate-limit"

Word = Union[str, bytes, int]
_Stream = Tuple[asyncio.StreamReader, asyncio.StreamWriter]
Function = TypeVar("Function", bound=Callable[..., Any])


class Reason(enum.IntEnum):
    """Why a decision is what it is."""

    COUNTED = 0
    OVER_LIMIT = 1
    STORE_AWAY = 2  # decided by the limit's on_store_down
    NEVER_FITS = 3  # the cost is above the limit, or the burst of a token bucket
    CLOCK_NOT_TRUSTED = 4


class Decision(NamedTuple):
    """What the daemon has decided. Times are in seconds."""

    allowed: bool
    limit: int  # permits per period
    remaining: int  # an estimate, never a promise; -1 where it is not known
    retry_after: Optional[float]  # 0 when allowed; None when it can never be
    reset_after: float  # until the window's end
    reason: Reason


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


def _check_request(name: str, key: Optional[Word], cost: int, permits: Optional[int],
                   period: str) -> bytes:
    words: List[Word] = ["CHECK", name]
    if key is not None:
        words.append(key)
    if cost != 1:
        words += ["COST", cost]
    if permits is not None:
        words += ["LIMIT", permits, "PERIOD", period]
    return _request(words)


def _whole(answer: bytes) -> bool:
    """Whether the answer to CHECK is all there: six numbers, or one line."""
    return answer.count(b"\r\n") >= (7 if answer.startswith(b"*") else 1)


# The errors that are an outage. All others are about the question, and no time mends them.
_OUTAGES = (b"STOREDOWN ", b"SHUTDOWN ", b"ERR max number of clients ")

# A decision or an error, and nothing behind it: the connection can be asked again.
_ANSWER = re.compile(rb"\*6\r\n" + rb":(-?\d+)\r\n" * 6 + rb"|-([^\r\n]*)\r\n")


def _decision(answer: bytes) -> Decision:
    found = _ANSWER.fullmatch(answer)
    if found is None:
        raise Refused(f"this is no answer to CHECK: {answer[:80]!r}")
    *numbers, error = found.groups()
    if error is not None:
        raise (Unavailable if error.startswith(_OUTAGES) else Refused)(
            error.decode("utf-8", "replace"))
    allowed, limit, remaining, retry, reset, reason = map(int, numbers)
    return Decision(allowed == 1, limit, remaining, None if retry < 0 else retry / 1000,
                    reset / 1000, Reason(reason))


class Client:
    """Asks one daemon. Keeps connections for as many checks as are made at a time."""

    _lock: threading.Lock
    _idle: List[socket.socket]
    _streams: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, List[_Stream]]

    def __init__(self, path: Optional[str] = None, timeout: float = 1.0) -> None:
        """`timeout` in seconds is for one check with all that it takes."""
        self._path = path
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
        request = _check_request(name, key, cost, permits, period)
        deadline = time.monotonic() + self.timeout
        try:
            while True:
                connection, kept = self._take()
                try:
                    return _decision(self._ask(connection, request, deadline, kept))
                except _Lost:
                    # It ended before it answered, as when the daemon was restarted. Should the
                    # check have been counted all the same, it is counted twice: never too few.
                    continue
        except OSError as error:
            why = "no answer in time" if isinstance(error, socket.timeout) else error.strerror
            raise Unavailable(f"rategate at {self.path}: {why or error}") from None

    async def acheck(self, name: str, key: Optional[Word] = None, cost: int = 1,
                     permits: Optional[int] = None, period: str = "1s") -> Decision:
        """check() for coroutines."""
        request = _check_request(name, key, cost, permits, period)
        try:
            answer = await asyncio.wait_for(self._aask(request), self.timeout)
        except asyncio.TimeoutError:
            raise Unavailable(f"rategate at {self.path}: no answer in time") from None
        except OSError as error:
            raise Unavailable(f"rategate at {self.path}: {error.strerror or error}") from None
        return _decision(answer)

    def close(self) -> None:
        """Closes what is not in use. The client can still be used."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def aclose(self) -> None:
        """close() for what acheck() keeps in the running loop, which is not closed with the loop."""
        for _, writer in self._streams.pop(asyncio.get_running_loop(), []):
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                pass  # its daemon is gone

    # A forked child must neither read its parent's answers nor wait for a lock that a thread of
    # its parent held.
    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._idle = []
        self._streams = weakref.WeakKeyDictionary()

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

    def _ask(self, connection: socket.socket, request: bytes, deadline: float, kept: bool) -> bytes:
        answer = b""
        keep = False
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout
            connection.settimeout(left)
            connection.sendall(request)
            while not _whole(answer):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise socket.timeout
                connection.settimeout(left)
                data = connection.recv(4096)
                if not data:
                    raise ConnectionResetError(0, "the connection ended")
                answer += data
            keep = _ANSWER.fullmatch(answer) is not None
        except (BrokenPipeError, ConnectionResetError):
            if kept and not answer:
                raise _Lost from None
            raise
        finally:
            if keep:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()
        return answer

    async def _aask(self, request: bytes) -> bytes:
        idle = self._streams.setdefault(asyncio.get_running_loop(), [])
        while True:
            kept = bool(idle)
            reader, writer = (idle.pop() if idle
                              else await asyncio.open_unix_connection(self.path))
            answer = b""
            try:
                writer.write(request)
                await writer.drain()
                while not _whole(answer):
                    data = await reader.read(4096)
                    if not data:
                        raise ConnectionResetError(0, "the connection ended")
                    answer += data
                if _ANSWER.fullmatch(answer):
                    idle.append((reader, writer))
                else:
                    writer.close()
                return answer
            except (BrokenPipeError, ConnectionResetError):
                writer.close()
                if not kept or answer:
                    raise
            except BaseException:  # cancelled: the answer that is still to come is nobody's
                writer.close()
                raise


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
