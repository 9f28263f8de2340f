"""Three daemons under load throughout a fault, and the verdict on its row."""

import collections
import contextlib
import shutil
import threading
import time

import judge
from rows import BACKOFF_MAX
from support import env, log
from support.callers import Caller, evaluate
from support.case import wait_for_long_windows
from support.daemon import Daemon
from support.load import Load
from support.proxy import Proxy
from support.redis_server import Redis
from support.resp import COUNTED, OVER_LIMIT, Closed, Conn

EXACT = judge.Limit("exact", 20, 1.0, "exact")
LEASE = judge.Limit("lease", 90, 1.0, "lease")
# What is lost when the fault begins could be given out again, as not all has been given out by then;
# and more is asked for in all than there is, however slow the machine is.
HOUR = judge.Limit("hour", 700, 3600.0, "lease")
ASKED_BEFORE, ASKED_IN_ALL = 400, 1400
SHARED = judge.Limit("shared", 200, 1.0, "lease")  # asked for in shared memory alone
SECOND = (EXACT, LEASE)
HOSTS = 3
TIMEOUT_MS = 250 * env.SLOW  # command_timeout
LONGEST_ROW = 60    # seconds
ENOUGH = 0.8        # of some window has to be given out
CALLERS = 2         # for each limit per second, on each host

# denied, recovered: seconds, as Row has them; wrong: texts, none where all holds.
Verdict = collections.namedtuple("Verdict", "counts denied recovered wrong")


class Watch(threading.Thread):
    """Looks at a field of a daemon's INFO until it shows what the row says."""

    def __init__(self, daemon, row):
        super().__init__(daemon=True)
        self._path, self._row = daemon.socket, row
        self._before = daemon.info()[row.field]
        self._end = threading.Event()
        self.seen = threading.Event()
        self.start()

    def run(self):
        while not self._end.is_set() and not self.seen.is_set():
            with contextlib.suppress(Closed, OSError), Conn(self._path, 60) as conn:
                while not self._end.wait(0.02) and not self.seen.is_set():
                    self._look(conn.command("INFO").decode())

    def _look(self, text):
        for line in text.splitlines():
            field, _, value = line.partition(":")
            if field == self._row.field and self._row.is_shown(self._before, value):
                self.seen.set()

    def close(self):
        self._end.set()


class Host:
    """A daemon, who asks it, and since when its log is looked at. A daemon that is put in its place
    listens on the same socket. log_file: where it is, if not with the daemon."""

    def __init__(self, daemon, caller=None):
        self.daemon, self.log_file = daemon, None
        self.loads = {}
        for limit in SECOND:
            self.ask_for(limit, CALLERS)
        self.caller = caller
        self._logged = 0
        self.watch = self.since = None

    def ask_for(self, limit, callers):
        self.loads[limit] = Load(self.daemon, (limit.name,), callers, 0.01, again=True)

    def fault_begins(self, row):
        self.since = time.time()
        self._logged = len(self._all_logged())
        self.watch = Watch(self.daemon, row) if row.field else None

    def replace(self, daemon):
        self.daemon, self._logged = daemon, 0

    def log_text(self):
        return self._all_logged()[self._logged:]

    def _all_logged(self):
        return log.tail(self.log_file, 1 << 24) if self.log_file else self.daemon.log_text()

    def counted_since(self, moment, limit):
        """When it was first allowed what was asked since then, None: not yet."""
        return min((one.got for one in self.loads[limit].since(moment)
                    if one.decision and one.decision.allowed and one.decision.reason == COUNTED),
                   default=None)

    def stop_load(self):
        for load in self.loads.values():
            load.stop()
        if self.caller:
            self.caller.end()

    def close(self):
        if self.watch:
            self.watch.close()
        for load in self.loads.values():
            load.stop()


class Scene:
    """What a row's fault is told with. What is started by it, or given to own(), is ended with it.

    short    the row takes less time where that is possible
    clocks   of the stores that there are, less this host's, in seconds
    hosts    the three, once start() has been called
    """

    def __init__(self, row, short=False):
        self.row, self.short = row, short
        self.clocks = [0.0]
        self.hosts = []
        self.limits = SECOND + ((HOUR,) if row.hour else ())
        self.ended = None
        self._own = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            host.close()
        self._own.close()

    # What a fault starts

    def own(self, thing):
        self._own.callback(thing.close)
        return thing

    def folder(self):
        path = env.make_dir()
        self._own.callback(shutil.rmtree, path, ignore_errors=True)
        return path

    def redis(self, **options):
        return self.own(Redis(**options))

    def proxy(self, redis):
        return self.own(Proxy(redis.socket))

    def daemon(self, store=None, redis_settings=None, **options):
        settings = {"backoff_max": f"{int(BACKOFF_MAX * 1000)}ms", "connect_timeout": "500ms",
                    "command_timeout": f"{int(TIMEOUT_MS)}ms", **(redis_settings or {})}
        limits = {limit.name: {"limit": limit.permits, "period": f"{int(limit.period)}s",
                               "mode": limit.mode} for limit in (*self.limits, SHARED)}
        return self.own(Daemon(store, limits=limits, redis_settings=settings,
                               log_settings={"level": "info", **options.pop("log_settings", {})},
                               **options))

    def start(self, store=None, of_host=(), **options):
        """The daemons and the load, until the limits have been used up once. of_host: for each of
        them what differs from `store` and the options."""
        if self.row.hour:
            wait_for_long_windows(LONGEST_ROW)
        for number in range(HOSTS):
            own = {"store": store, **options, **(of_host[number] if of_host else {})}
            daemon = self.daemon(own.pop("store"), **own)
            self.hosts.append(Host(daemon, self._caller(daemon)))
        began = time.time()
        for host in self.hosts:
            for limit in SECOND:
                env.wait_until(lambda h=host, l=limit: h.counted_since(began, l), 20, "load")
        self.lasts(1.2)
        if self.row.hour:
            for host in self.hosts:
                host.ask_for(HOUR, callers=1)
            self._wait_asked(ASKED_BEFORE)
        for host in self.hosts:
            host.fault_begins(self.row)

    def _caller(self, daemon):
        if not self.row.shared:
            return None
        asks = evaluate.Limit(SHARED.name, 0, int(SHARED.period * 1000), 0, False)
        return self.own(Caller(self.folder(), daemon, [asks]))

    def lasts(self, seconds, short=None):
        """Lets so much of the fault pass, or `short` in a short run."""
        until = time.monotonic() + (short if self.short and short is not None else seconds)
        env.wait_until(lambda: time.monotonic() > until, seconds + 20, "time to pass")

    def concerned(self):
        return [self.hosts[number] for number in self.row.hosts]

    def wait_shown(self, deadline=20):
        """Until INFO of every host concerned shows the fault."""
        for host in self.concerned():
            env.wait_until(host.watch.seen.is_set, deadline, f"{self.row.field} in INFO")

    def fault_ended(self):
        """Said by a fault that goes on after its end with something that changes nothing."""
        self.ended = time.time()

    # The row

    def run(self):
        """The Verdict."""
        try:
            self.row.fault(self)
            if self.ended is None:
                self.fault_ended()
            recovered = self._recover()
            self.lasts(*((4, 3) if self.row.hour else (2.2, 1.2)))
            if self.row.hour:
                self._wait_asked(ASKED_IN_ALL)
            for host in self.hosts:
                host.stop_load()
            return self.verdict(recovered)
        except BaseException:
            log.show()
            raise

    def _recover(self):
        """Seconds until every host is allowed something of each limit per second."""
        slowest = 0.0
        for host in self.hosts:
            for limit in SECOND:
                got = env.wait_until(lambda h=host, l=limit: h.counted_since(self.ended, l),
                                     self.row.within + 15, "the store to decide again")
                slowest = max(slowest, got - self.ended)
        return slowest

    def _wait_asked(self, times):
        """Until the hour has been asked for so often, by all."""
        env.wait_until(lambda: sum(len(host.loads[HOUR].asked()) for host in self.hosts) >= times,
                       60, "load of the hour")

    def verdict(self, recovered):
        counts = [self._count(limit) for limit in self.limits]
        if self.row.shared:
            counts.append(self._count_shared())
        wrong = [text for count in counts for text in _breaches(count)]
        if recovered > self.row.within * env.SLOW:
            wrong.append(f"recovered after {recovered:.2f} s, not {self.row.within:.2f} s")
        denied = 0.0
        for number, host in enumerate(self.hosts):
            seconds, said = self._denials(host, number in self.row.hosts)
            denied = max(denied, seconds)
            wrong += [f"host {number}: {text}" for text in said]
        return Verdict(counts, denied, recovered, wrong)

    def _count(self, limit):
        return judge.count([judge.of_answer(one, limit, self.clocks, self.row.again)
                            for host in self.hosts for one in host.loads[limit].asked()
                            if one.decision and one.decision.allowed], limit)

    def _count_shared(self):
        wall = time.time() - time.monotonic()
        return judge.count([judge.of_record(record, SHARED, wall)
                            for host in self.hosts for record in host.caller.records()], SHARED)

    def _denials(self, host, concerned):
        """(seconds for which a limit per second was denied for such a reason, what is wrong)."""
        reasons = self.row.reasons if concerned else ()
        seconds, wrong = 0.0, []
        for limit, load in host.loads.items():
            asked = load.asked()
            others = [one for one in asked if one.error or
                      one.decision.reason not in (COUNTED, OVER_LIMIT)]
            strange = {one.error or one.decision.reason for one in others} - set(reasons)
            if strange:
                wrong.append(f"{limit.name} was answered {strange}")
            meanwhile = [one for one in others if one.sent >= host.since]
            if meanwhile and limit in SECOND:
                seconds = max(seconds, meanwhile[-1].got - meanwhile[0].sent)
        if concerned:
            if self.row.log and f" {self.row.log}: " not in host.log_text():
                wrong.append(f"no {self.row.log} in its log")
            if host.watch and not host.watch.seen.is_set():
                wrong.append(f"its INFO never showed it in {self.row.field}")
        return seconds, wrong


def _breaches(count):
    limit = count.limit
    if count.over:
        yield (f"{limit.name}: {count.over} allowed above {limit.permits} a window "
               f"({count.most} in one)")
    if count.nowhere:
        yield f"{limit.name}: {count.nowhere} allowed of windows that no store has"
    if limit != HOUR and count.most < ENOUGH * limit.permits:
        yield f"{limit.name}: too little to say anything, at most {count.most} of {limit.permits}"
