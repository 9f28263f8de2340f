"""A rategated of the test's own: started, awaited by its READY, watched, ended."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from support import env, log
from support.redis_server import login
from support.resp import Conn


class Notifications:
    """The service manager's end of sd_notify: a socket that is always read, so that no daemon
    ever blocks on it."""

    def __init__(self, path):
        self.path = path
        self.messages = []  # (monotonic seconds, {field: value})
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if data == b"end":
                return
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            with self._changed:
                self.messages.append((time.monotonic(), fields))
                self._changed.notify_all()

    def wait(self, predicate, deadline=15.0, what="a notification", since=0, alive=lambda: True):
        """The first message from number `since` on for which predicate(fields) holds."""
        until = time.monotonic() + deadline * env.SLOW
        with self._changed:
            seen = since
            while True:
                for _, fields in self.messages[seen:]:
                    if predicate(fields):
                        return fields
                seen = len(self.messages)
                left = until - time.monotonic()
                if left <= 0 or not alive():
                    raise AssertionError(f"no notification of {what}; got {self.messages[since:]}")
                self._changed.wait(min(left, 0.05))

    def count(self):
        return len(self.seen())

    def seen(self):
        """All messages up to now."""
        with self._changed:
            return list(self.messages)

    def barrier(self):
        """Waits until all that was sent before is read; how many messages that makes."""
        mark = str(time.monotonic_ns())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(f"X_BARRIER={mark}".encode(), self.path)
        self.wait(lambda fields: fields.get("X_BARRIER") == mark, what="the barrier")
        return self.count()

    def status(self):
        """The last STATUS, "" if there was none."""
        with self._changed:
            return next((f["STATUS"] for _, f in reversed(self.messages) if "STATUS" in f), "")

    def wait_status(self, words, deadline=15.0):
        """Until the last STATUS has these words; another thread reads it, a little later."""
        env.wait_until(lambda: words in self.status(), deadline, f"a STATUS with {words!r}")

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            try:
                end.sendto(b"end", self.path)
            except OSError:
                pass
        self._thread.join(5)
        self._socket.close()


def toml(value):
    """A Python value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml(v)}" for k, v in value.items()) + " }"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def toml_key(key):
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else toml(key)


class Daemon:
    """Runs the daemon with a configuration file made of keyword arguments.

    redis      a Redis, or a path of a Unix socket (a Proxy's, say); None is the embedded store, if
               there is no `sentinel` and no `cluster`. Its Unix socket is used, unless redis_settings have a host;
               and the documented user, unless they say who logs in
    limits     name to "100/second" or to a dict of settings
    server, shm, redis_settings, sentinel, cluster, clock, log_settings    dicts for [server], [shm], ...
    args       instead of a file: the whole command line after the program's name
    env        more environment;  shift_ms, monotonic_shift_ms  move its clocks
    ready      wait for READY=1
    """

    def __init__(self, redis=None, limits=None, server=None, redis_settings=None, clock=None,
                 log_settings=None, args=None, env_more=None, shift_ms=0, monotonic_shift_ms=0,
                 ready=True, watchdog_ms=0, binary=None, command_prefix=(), socket_path=None,
                 pass_fds=(), shm=None, sentinel=None, cluster=None):
        self.dir = env.make_dir()
        self.socket = socket_path or os.path.join(self.dir, "rg.sock")
        self.config = os.path.join(self.dir, "rategate.toml")
        self.log_file = os.path.join(self.dir, "log")
        self.name = "rategated"
        self.notify = Notifications(os.path.join(self.dir, "notify.sock"))
        self._expected = False
        self._process = None
        log.register(self)
        try:
            self.tables = {
                "server": {"socket": self.socket, **(server or {})},
                "shm": dict(shm or {}),
                "redis": dict(redis_settings or {}),
                "sentinel": dict(sentinel or {}),
                "cluster": dict(cluster or {}),
                "clock": dict(clock or {}),
                "log": {"level": "debug", **(log_settings or {})},
                "limits": dict(limits if limits is not None else {"api": "100/second"}),
            }
            if redis is not None:
                if "host" not in self.tables["redis"]:
                    self.tables["redis"].setdefault("unix_socket", getattr(redis, "socket", redis))
                if not {"username", "password", "password_file", "password_command"}.intersection(
                        self.tables["redis"]):
                    self.tables["redis"].update(login())
            self.memory = redis is None and sentinel is None and cluster is None
            self.write_config()
            more = {"NOTIFY_SOCKET": self.notify.path}
            if watchdog_ms:
                more["WATCHDOG_USEC"] = watchdog_ms * 1000
            if shift_ms or monotonic_shift_ms:
                more.update(env.clock_shift(shift_ms, monotonic_shift_ms))
            more.update(env_more or {})
            words = ["--config", self.config] if args is None else args
            with open(self.log_file, "ab") as out:
                self._process = subprocess.Popen(
                    env.tied([*command_prefix, binary or env.DAEMON, *words]),
                    env=env.clean_environ(**more), stdin=subprocess.DEVNULL, stdout=out,
                    stderr=out, cwd=self.dir, pass_fds=pass_fds)
            if ready:
                self.wait_ready()
        except BaseException:
            self._expected = True
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._expected = self._expected or kind is not None
        self.close()

    # Configuration

    def config_text(self):
        lines = [f'store = "{"memory" if self.memory else "redis"}"']
        for table, settings in self.tables.items():
            if settings:
                lines += ["", f"[{table}]"] + [f"{toml_key(k)} = {toml(v)}" for k, v in settings.items()]
        return "\n".join(lines) + "\n"

    def write_config(self, text=None):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.config_text() if text is None else text)

    def reload(self):
        """SIGHUP, and waits until the daemon says it has dealt with it."""
        since = self.notify.count()
        self.signal(signal.SIGHUP)
        self.notify.wait(lambda f: f.get("RELOADING") == "1", what="RELOADING=1", since=since)
        self.notify.wait(lambda f: f.get("READY") == "1", what="READY=1", since=since)

    # Life

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def wait_ready(self, deadline=15.0):
        self.notify.wait(lambda f: f.get("READY") == "1", deadline, "READY=1", alive=self.running)

    def ready(self):
        """Whether it has ever said READY=1."""
        return any(fields.get("READY") == "1" for _, fields in self.notify.seen())

    def signal(self, number):
        self._process.send_signal(number)

    def wait_exit(self, deadline=10.0):
        """The exit code of a daemon that is about to end."""
        self._expected = True
        try:
            return self._process.wait(deadline * env.SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not end within {deadline} s") from None

    def terminate(self, deadline=10.0):
        """SIGTERM; it must end by itself with code 0."""
        self.signal(signal.SIGTERM)
        code = self.wait_exit(deadline)
        if code != 0:
            raise AssertionError(f"the daemon ended with {code}")

    def kill9(self):
        self._expected = True
        self._process.kill()
        self._process.wait()

    def stop(self):
        self.signal(signal.SIGSTOP)

    def cont(self):
        self.signal(signal.SIGCONT)

    def close(self):
        """Ends what still runs. A daemon that died unasked, or does not end well, is a failure."""
        problem = None
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                self.cont()
                self._process.terminate()
                try:
                    code = self._process.wait(10 * env.SLOW)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                    problem = "the daemon did not end on SIGTERM"
            if problem is None and code != 0 and not self._expected:
                problem = f"the daemon ended with {code}"
        self.notify.close()
        log.keep(self)
        shutil.rmtree(self.dir, ignore_errors=True)
        if problem and not self._expected:
            log.show()
            raise AssertionError(problem)

    # Looks

    def log_text(self):
        return log.tail(self.log_file, 1 << 24)

    def wait_log(self, text, deadline=10.0):
        """Waits for a line that has the text, and gives it."""
        def line():
            return next((l for l in self.log_text().splitlines() if text in l), None)
        return env.wait_until(line, deadline, f"'{text}' in the log")

    def conn(self, timeout=15.0):
        return Conn(self.socket, timeout)

    def check(self, *args, **kw):
        """One CHECK over a connection of its own."""
        with self.conn() as conn:
            return conn.check(*args, **kw)

    def info(self, section=None):
        """INFO as a dict of field to text."""
        with self.conn() as conn:
            reply = conn.command(*(["INFO", section] if section else ["INFO"]))
        if not isinstance(reply, bytes):
            raise AssertionError(f"INFO answered {reply!r}")
        return dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)

    def memory_kib(self, field="VmRSS"):
        return int(self.proc_status(field).split()[0])

    def proc_status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(l.split(":", 1)[1].strip() for l in file if l.startswith(field + ":"))
