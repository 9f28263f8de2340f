"""The programs of a stress run, and what is done to them."""

import collections
import contextlib
import heapq
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import evaluate
from support import env
from support.daemon import Daemon
from support.redis_server import Redis
from support.resp import Conn

HERE = pathlib.Path(__file__).resolve().parent
DAEMONS = 3
C, CPP, PYTHON = ([env.BIN_DIR / "stress_caller"], [env.BIN_DIR / "stress_caller_cpp"],
                  [sys.executable, "-B", HERE / "socket_caller.py"])
FLYER = [sys.executable, "-B", HERE / "flight_caller.py"]
CALLERS = [(C, "shm"), (CPP, "shm"), (C, "shm"), (CPP, "shm"), (C, "shm"), (C, "socket"),
           (CPP, "socket"), (PYTHON, "socket"), *[(FLYER, "flight")] * DAEMONS]


class Watch(threading.Thread):
    """Looks at Redis' clock and counters all the time, over a connection of its own. It stands
    still while Redis does."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.offset = evaluate.Offset()
        self.counters = collections.defaultdict(evaluate.Counter)
        self.failure = None
        self._conn = Conn(redis.socket, 60)
        self._end = threading.Event()

    def run(self):
        try:
            while not self._end.is_set():
                self.look()
                self._end.wait(0.05)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def look(self):
        before = time.monotonic_ns()
        seconds, micros = (int(part) for part in self._conn.command("TIME"))
        self.offset.sample(before, seconds * 1_000_000 + micros, time.monotonic_ns())
        # Neither a token bucket nor a log is a count, nor are holds.
        names = [name for name in self._conn.command("KEYS", "rategate:{*")
                 if not name.endswith((b":gcra", b":log", b":holds"))]
        values = self._conn.command("MGET", *names) if names else []
        for name, value in zip(names, values):
            if value is not None:
                self.counters[name.decode()].see(int(value), seconds * 1000 + micros // 1000)

    def stop(self):
        self._end.set()
        self.join(60)
        self._conn.close()


class Caller:
    """One of the places; its process changes."""

    def __init__(self, number, command, way, socket_path):
        self.number, self.command, self.way, self.socket = number, command, way, socket_path
        self.process, self.file = None, None
        self.lives = 0


class Hosts:
    """start(), then endure() faults, recover() from them, finish(), judge(); close() always."""

    def __init__(self, limits, modes, directory, chance, binary=None, env_more=None):
        self.limits, self._modes, self._dir, self._chance = limits, modes, directory, chance
        self._binary, self._env = binary, env_more or {}
        self.faults = collections.Counter()
        self.files = []
        self.totals = collections.Counter()  # of all callers: allowed, denied, failed
        self._redis = self._watch = None
        self._daemons = [None] * DAEMONS
        self._callers = []
        self._due = []      # (when, number, what to do): the ends of faults
        self._busy = set()  # who is in a fault
        self._numbers = 0

    # Starting

    def start(self, midnight=None):
        """midnight: a zone, and in how many seconds a day is to end there by Redis' clock, which is
        moved for that."""
        self._redis = Redis(shift_ms=evaluate.shift_to_midnight(*midnight) if midnight else 0)
        self._watch = Watch(self._redis)
        self._watch.start()
        for number in range(DAEMONS):
            self._start_daemon(number)
        for daemon in self._daemons:
            daemon.wait_ready()
        for number, (command, way) in enumerate(CALLERS):
            caller = Caller(number, command, way, self._socket(number % DAEMONS))
            self._callers.append(caller)
            self._start_caller(caller)

    def _socket(self, number):
        return os.path.join(self._dir, f"{number}.sock")

    def _start_daemon(self, number):
        limits = {limit.name: self._settings(limit) for limit in self.limits if not limit.declared}
        self._daemons[number] = Daemon(
            self._redis, limits=limits, socket_path=self._socket(number), ready=False,
            log_settings={"level": "info"}, redis_settings={"backoff_max": "200ms"},
            binary=self._binary, env_more=self._env)

    def _settings(self, limit):
        """As in the daemons' configuration."""
        told = {"mode": self._modes.get(limit.name, "auto")}
        if limit.windows:
            rates = ((limit.permits, limit.period_ms), *limit.windows)
            told["limit"] = [f"{permits}/{period_ms}ms" for permits, period_ms in rates]
        elif limit.zone:
            told.update(limit=limit.permits, period="day", timezone=limit.zone)
        else:
            told.update(limit=limit.permits, period=f"{limit.period_ms}ms")
        if limit.burst:
            told.update(algorithm="gcra", burst=limit.burst)
        if limit.slides:
            told["algorithm"] = "sliding-window"
        if limit.parent:
            told["parent"] = limit.parent.name
        if limit.hold_ms:
            told = {"limit": limit.permits, "algorithm": "concurrency", "hold_ttl": f"{limit.hold_ms}ms"}
        return told

    def _texts(self, caller):
        """Of the limits that it asks for: all others stand before those of concurrency."""
        flies = caller.way == "flight"
        return [limit.text() for limit in self.limits if flies or not limit.hold_ms]

    def _start_caller(self, caller):
        caller.file = os.path.join(self._dir, f"{caller.number}.{caller.lives}")
        caller.lives += 1
        self.files.append(caller.file)
        caller.process = subprocess.Popen(
            env.tied([*caller.command, caller.socket, caller.file,
                      self._chance.randrange(1, 1 << 32), caller.way,
                      *self._texts(caller)]),
            env=env.clean_environ(), stdin=subprocess.DEVNULL)

    # Faults

    def endure(self, seconds):
        """Faults, one after the other and some at a time."""
        end = time.monotonic() + seconds
        following = time.monotonic() + 0.5
        while time.monotonic() < end:
            self._run_due()
            self._check_alive()
            if time.monotonic() >= following:
                self._fault()
                following = time.monotonic() + self._chance.uniform(0.1, 0.7)
            time.sleep(0.01)
        # All of them come to their end.
        env.wait_until(lambda: self._run_due() or not self._due, 30, "the end of the faults")
        self._check_alive()

    def recover(self, seconds):
        """Every caller is allowed something again, and time passes for whole windows."""
        end = time.monotonic() + seconds
        before = {caller.file: evaluate.read_counts(caller.file).allowed
                  for caller in self._callers if os.path.exists(caller.file)}
        for caller in self._callers:
            env.wait_until(lambda one=caller: os.path.exists(one.file) and evaluate.read_counts(
                one.file).allowed > before.get(one.file, 0), 20,
                           f"caller {caller.number} to be allowed something after the faults")
        env.wait_until(lambda: time.monotonic() >= end, seconds + 10, "the end")
        self._check_alive()

    def _later(self, seconds, what):
        self._numbers += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._numbers, what))

    def _run_due(self):
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def _fault(self):
        kinds = [(self._kill_caller, 3), (self._stop_caller, 3), (self._kill_daemon, 2),
                 (self._end_daemon, 1), (self._stop_daemon, 2), (self._stop_redis, 1),
                 (self._cut_redis, 1)]
        kind = self._chance.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        caller = self._chance.randrange(len(self._callers))
        kind(self._chance.randrange(DAEMONS) if "daemon" in kind.__name__ else caller)

    def _begin(self, who, name):
        if who in self._busy:
            return False
        self._busy.add(who)
        self.faults[name] += 1
        return True

    def _kill_caller(self, number):
        caller = self._callers[number]
        if not self._begin(caller, "caller killed with -9"):
            return
        caller.process.kill()
        caller.process.wait()

        def again():
            self._start_caller(caller)
            self._busy.discard(caller)
        self._later(self._chance.uniform(0, 0.3), again)

    def _stop_caller(self, number):
        caller = self._callers[number]
        if self._begin(caller, "caller stopped for a while"):
            self._pause(caller, caller.process, 1.5)

    def _stop_daemon(self, number):
        if self._begin(number, "daemon stopped for a while"):
            self._pause(number, self._daemons[number], 1.5)

    def _stop_redis(self, _):
        if self._begin(self._redis, "Redis stopped for a while"):
            self._pause(self._redis, self._redis, 0.8)

    def _pause(self, who, program, longest):
        os.kill(program.pid, signal.SIGSTOP)

        def go_on():
            os.kill(program.pid, signal.SIGCONT)
            self._busy.discard(who)
        self._later(self._chance.uniform(0.02, longest), go_on)

    def _kill_daemon(self, number):
        if not self._begin(number, "daemon killed with -9"):
            return
        self._daemons[number].kill9()
        self._daemons[number].close()
        self._daemons[number] = None
        self._later(self._chance.uniform(0, 0.6), lambda: self._daemon_again(number))

    def _end_daemon(self, number):
        daemon = self._daemons[number]
        # A daemon that is still starting may not have come to its handler of SIGTERM, which then
        # ends it by the signal.
        if daemon and not daemon.ready():
            return
        if not self._begin(number, "daemon ended and started again"):
            return
        daemon.signal(signal.SIGTERM)
        asked = time.monotonic()

        def ended():
            if daemon.running():
                if time.monotonic() > asked + 15 * env.SLOW:
                    raise AssertionError(f"daemon {number} does not end on SIGTERM")
                self._later(0.02, ended)
                return
            code = daemon.wait_exit()
            if code != 0:
                raise AssertionError(f"daemon {number} ended with {code}")
            daemon.close()
            self._daemon_again(number)
        self._later(0.02, ended)

    def _daemon_again(self, number):
        self._start_daemon(number)
        self._busy.discard(number)

    def _cut_redis(self, _):
        if self._redis in self._busy:
            return
        self.faults["connections to Redis cut"] += 1
        with Conn(self._redis.socket, 15) as conn:
            mine = conn.command("CLIENT", "ID")
            for line in conn.command("CLIENT", "LIST").decode().splitlines():
                fields = dict(part.split("=", 1) for part in line.split() if "=" in part)
                # The watch is no daemon.
                if int(fields["id"]) != mine and fields["cmd"].startswith("eval"):
                    conn.command("CLIENT", "KILL", "ID", fields["id"])

    def _check_alive(self):
        for number, daemon in enumerate(self._daemons):
            if daemon and number not in self._busy and not daemon.running():
                raise AssertionError(f"daemon {number} ended with {daemon.wait_exit()}")
        for caller in self._callers:
            code = caller.process.poll()
            if caller not in self._busy and code is not None:
                raise AssertionError(f"caller {caller.number} ended with {code}")
        if self._watch.failure:
            raise AssertionError(f"the watch on Redis: {self._watch.failure!r}")

    # The end

    def finish(self):
        """Callers end when they are told to: none hangs."""
        for caller in self._callers:
            caller.process.terminate()
        for caller in self._callers:
            try:
                code = caller.process.wait(15 * env.SLOW)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"caller {caller.number} hangs") from None
            if code != 0:
                raise AssertionError(f"caller {caller.number} ended with {code}")
        self._watch.stop()

    def judge(self):
        for file in self.files:
            if os.path.exists(file):
                counts = evaluate.read_counts(file)
                self.totals.update(allowed=counts.allowed, denied=counts.denied,
                                   failed=counts.failed)
        records = (record for file in self.files if os.path.exists(file)
                   for record in evaluate.read_records(file))
        return evaluate.evaluate(records, self.limits, self._watch.offset, self._watch.counters)

    def close(self):
        """Everything ends, also where one of them does not end well."""
        with contextlib.ExitStack() as ending:
            if self._redis:
                ending.callback(self._redis.close)
            if self._watch:
                ending.callback(self._watch.stop)
                ending.callback(self._redis.cont)
            for daemon in filter(None, self._daemons):
                ending.callback(daemon.close)
            for caller in self._callers:
                ending.callback(caller.process.wait)
                ending.callback(caller.process.kill)
