"""A redis-server of the test's own, in a folder of its own."""

import functools
import os
import re
import shutil
import socket
import subprocess
import time

import redis

from support import env, log
from support.server_process import ServerProcess


REIGN = "rategate:reign"  # since when the data has its history, for all hosts


@functools.cache
def major_version():
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True)
    return int(re.search(r" v=(\d+)", said.stdout).group(1))


def debug_words():
    """What makes DEBUG work: since Redis 7 it has to be let in."""
    return ["--enable-debug-command", "local"] if major_version() >= 7 else []


@functools.cache
def documented_user(page="redis-login.md"):
    """The words after ACL SETUSER of the user that this page of docs/ describes."""
    text = (env.SOURCE_DIR / "docs" / page).read_text(encoding="utf-8")
    rule = next(line for line in text.splitlines() if line.startswith("ACL SETUSER rategate"))
    return rule.split()[2:]


PASSWORD = "s3cret"  # of that user in each Redis of a test's own


def user_words(*more, password=PASSWORD, page="redis-login.md"):
    """The words of that user with a password; more are further rules, such as "~t:*" or "-incrby"."""
    return [word.replace("PASSWORD", password) for word in documented_user(page)] + list(more)


def login():
    """What makes a daemon log in as that user: settings in [redis]."""
    return {"username": documented_user()[0], "password": PASSWORD}


@functools.cache
def require_tls():
    """Says so where the redis-server of PATH was built without TLS."""
    said = subprocess.run(["redis-server", "--tls-port", "0", "--port", "none"],
                          capture_output=True, text=True, check=False, timeout=30)
    if "tls-port" in said.stdout + said.stderr:
        raise AssertionError("the redis-server of PATH was built without TLS, these tests need it")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Redis(ServerProcess):
    """Listens on a Unix socket, and with tcp=True on a free port of `host` as well.

    It knows two users: the documented one with its rights and no more, as whom the daemons log in,
    and the default one with all of them, for the test itself, with `password` if there is one.

    keys: patterns of counters that the documented user may count in beside the documented ones,
    where limits have templates of their own. tls: words that say how it speaks TLS, on a free port
    of its own, tls_port. shift_ms moves its clock, clock is a SteppingClock. args are further words for redis-server; with
    --aclfile among them they say who its users are. host: the address that it listens on.
    prefix: words before its command, such as those of a Network's end.
    """

    def __init__(self, tcp=False, shift_ms=0, password=None, args=(), tls=(), keys=(),
                 host="127.0.0.1", prefix=(), clock=None):
        self.dir = env.make_dir()
        self.socket = os.path.join(self.dir, "redis.sock")
        self.port = self.tls_port = 0
        self.tls = list(tls)
        self.password = password
        self.host = host
        self._prefix = list(prefix)
        self._tcp = tcp
        self._clock = env.clock_shift(shift_ms) if shift_ms else clock.environ() if clock else {}
        self._args = list(args)
        self._more = []
        if "--aclfile" not in args:
            self._args += ["--aclfile", self._write_users(keys)]
        self._client = None
        log.register(self)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def name(self):
        return "redis-server"

    @property
    def log_file(self):
        return os.path.join(self.dir, "redis.log")

    @property
    def pid(self):
        return self._process.pid

    @property
    def url(self):
        return f"unix://{self.socket}"

    def start(self, loading=False):
        """Again after a kill: empty unless it has saved, on the same socket and port.

        loading    enough is that it answers while it still loads what it has saved
        """
        for attempt in range(20):
            if self._tcp and (not self.port or attempt):
                self.port = free_port()
            if self.tls and (not self.tls_port or attempt):
                self.tls_port = free_port()
            if self._try_start(loading):
                return
        raise AssertionError("redis-server does not start: " + log.tail(self.log_file))

    def _try_start(self, loading):
        command = ["redis-server", "--port", self.port, "--bind", self.host, "--unixsocket",
                   self.socket, "--save", "", "--appendonly", "no", "--dir", self.dir, "--logfile",
                   self.log_file, *debug_words()]
        if self.tls:
            command += ["--tls-port", self.tls_port, *self.tls]
        self._process = subprocess.Popen(env.tied(self._prefix + command + self._args + self._more),
                                         env=env.clean_environ(**self._clock),
                                         stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if self._process.poll() is not None:
                return False  # the port was taken in between
            # Later versions of the client wait by themselves for what is loading.
            probe = self.client(retry=None)
            try:
                if probe.ping():
                    return True
            except redis.exceptions.BusyLoadingError:
                if loading:
                    return True
                time.sleep(0.005)
            except (redis.exceptions.RedisError, AttributeError):
                time.sleep(0.005)  # the latter is how it tells of a reset on a Unix socket
            finally:
                probe.close()
        raise AssertionError("redis-server does not answer: " + log.tail(self.log_file))

    def _write_users(self, keys):
        path = os.path.join(self.dir, "users.acl")
        default = f">{self.password}" if self.password else "nopass"
        channels = ["&*"] if major_version() >= 7 else []
        with open(path, "w", encoding="ascii") as file:
            for words in (["default", "on", default, "~*", "+@all", *channels],
                          user_words(*(f"~{key}" for key in keys))):
                file.write(" ".join(["user", *words]) + "\n")
        return path

    def client(self, **options):
        """A new redis-py client, answers as text."""
        options.setdefault("password", self.password)
        options.setdefault("decode_responses", True)
        return redis.Redis(unix_socket_path=self.socket, **options)

    def user(self, *more, password=PASSWORD):
        """Gives the documented user further rules, and another password."""
        name, *rules = user_words(*more, password=password)
        self.db.execute_command("ACL", "SETUSER", name, "reset", *rules)
        return {"username": name, "password": password}

    @property
    def db(self):
        """One client kept for the test's own looks."""
        if self._client is None:
            self._client = self.client()
        return self._client

    def now_us(self):
        seconds, micros = self.db.time()
        return seconds * 1_000_000 + micros

    def now_ms(self):
        return self.now_us() // 1000

    def now(self):
        return self.now_us() / 1e6

    def wait_for_window(self, period_ms=1000, within=(0.02, 0.3)):
        """Waits for a moment early in a window of this Redis' clock; its start in ms."""
        return env.wait_for_window(period_ms, self.now_ms, within)

    def save_what_loads_slowly(self):
        """What it holds now, and as much beside it as takes it some seconds to load when it is
        started again. Until then it answers INFO and refuses nearly all else: load_at_once()."""
        # While it loads it looks at its clients each two million bytes, or as it is told below.
        keys, size, pause_us = 40, 1 << 20, 100_000
        if major_version() >= 7:
            keys, size, pause_us = 2500, 1000, 4000
        self.db.execute_command("DEBUG", "POPULATE", keys, "filler", size)
        self.db.config_set("rdbcompression", "no")
        self.db.save()
        self._args += ["--key-load-delay", pause_us]
        if major_version() >= 7:
            self._args += ["--loading-process-events-interval-bytes", 1024]

    def is_loading(self):
        return bool(self.db.info("persistence")["loading"])

    def load_at_once(self):
        """The rest of what it loads, without the pauses, which Redis 6 lets nobody change."""
        if major_version() >= 7:
            self.db.config_set("key-load-delay", 0)
        env.wait_until(lambda: not self.is_loading(), 20, "a Redis that has loaded")

    def counters(self, pattern="*"):
        """Name to value, of every key that matches; the record of the data's history is none."""
        return {key: int(self.db.get(key) or 0) for key in self.db.scan_iter(pattern)
                if key != REIGN}

    def kill9(self):
        super().kill9()
        self._client = None

    def restart(self, *more):
        """Killed and started again, with more words for it: nothing that it held is left."""
        self.kill9()
        self._more = list(more)
        self.start()

    def cut(self):
        """Every connection of the documented user's is closed."""
        self.db.execute_command("CLIENT", "KILL", "USER", documented_user()[0])

    def flushall(self):
        self.db.flushall()

    def close(self):
        self.kill9()
        log.keep(self)
        shutil.rmtree(self.dir, ignore_errors=True)
