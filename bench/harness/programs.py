"""Starts what is measured, each in a folder of its own on Unix sockets, and ends it by its pid."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE_S = 20
REDIS_SERVER = "redis-server"
BIG = 1_000_000_000  # the largest limit there is: never used up


class NotMeasured(Exception):
    """Why a number could not be had, in one line: shown in its place, and the run fails."""

    def __init__(self, why):
        super().__init__(" ".join(why.split())[-200:])


def run_json(command, timeout=300):
    """Runs a program that prints one line of JSON, and gives that."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{os.path.basename(str(command[0]))}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


class Resp:
    """The few words of RESP that the harness says itself."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        text = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(text)
                            + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in text))
        return self._value()

    def _value(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._value() for _ in range(int(rest))]
        if kind == b"-":
            raise NotMeasured(rest.decode())
        return int(rest) if kind == b":" else rest.decode()

    def close(self):
        self.file.close()
        self.socket.close()


class Program:
    """A child that listens on a socket; a context in which it runs."""

    def __init__(self, command, listens_at, name, port=None, environment=None):
        self.dir = os.path.dirname(listens_at)
        self.path = listens_at
        self.port = port
        self.log = f"{listens_at}.{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                            stdout=log, stderr=log, cwd=self.dir,
                                            env={**clean_environment(), **(environment or {})})
        self.pid = self.process.pid
        self._await()

    def _await(self):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with contextlib.suppress(OSError):
                self._try_connecting()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise NotMeasured(f"{self.process.args[0]} did not start: {log.read()[-150:]}")
            time.sleep(0.01)

    def _try_connecting(self):
        if self.port is None:
            Resp(self.path).close()
        else:
            socket.create_connection(("127.0.0.1", self.port), DEADLINE_S).close()

    def ask(self, *words):
        connection = Resp(self.path)
        try:
            return connection.ask(*words)
        finally:
            connection.close()

    def info(self, section=None):
        text = self.ask("INFO", *([section] if section else []))
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def clean_environment():
    """Ours, but for what would tell a daemon or a library another place."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("REDIS_", "RATEGATE_"))}


def free_port():
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Place:
    """A folder for sockets and logs, and what runs in it; all of it ends with the context.

    The daemon is from `bin_dir`; what only asks, or is in the way, is from `tools`, so that two
    revisions of the daemon are measured with one yardstick."""

    def __init__(self, bin_dir, tools):
        self.bin_dir = bin_dir
        self.tools = tools
        self.dir = tempfile.mkdtemp(prefix="rategate-bench-")
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _name(self, kind):
        self.count += 1
        return os.path.join(self.dir, f"{kind}{self.count}.sock")

    def redis(self, *arguments):
        path = self._name("redis")
        self.tcp_port = free_port()
        return self.stack.enter_context(Program(
            [REDIS_SERVER, "--port", self.tcp_port, "--bind", "127.0.0.1", "--unixsocket", path,
             "--save", "", "--appendonly", "no", "--maxclients", "5000", *arguments], path, "redis"))

    def daemon(self, limits, redis_path=None, slots=None):
        """`limits`: lines of TOML by name. Without a path of Redis, with the memory store."""
        path = self._name("rategated")
        config = path + ".toml"
        with open(config, "w", encoding="utf-8") as file:
            if redis_path:
                file.write(f'[redis]\nunix_socket = "{redis_path}"\n')
            else:
                file.write('store = "memory"\n')
            if slots:
                file.write(f"[shm]\nslots = {slots}\n")
            file.write("[limits]\n" + "".join(f"{name} = {{ {body} }}\n"
                                              for name, body in limits.items()))
        os.chmod(self.dir, 0o755)
        return self.stack.enter_context(Program(
            [os.path.join(self.bin_dir, "rategated"), "--config", config, "--socket", path], path,
            "rategated"))

    def far(self, target, round_trip_us):
        """A way to the Redis at `target` that takes so long."""
        path = self._name("delay")
        return self.stack.enter_context(Program(
            [os.path.join(self.tools, "bench_delay"), path, target, int(round_trip_us)], path,
            "delay"))

    def server_at_port(self, command, port, name, environment=None):
        """A server of somebody else's; `port` of 127.0.0.1 is where it listens."""
        return self.stack.enter_context(
            Program(command, os.path.join(self.dir, name), name, port, environment))

    def load(self, *targets, **options):
        """bench_load's line; options by their names, a list repeats one. `pid`: "cpu_us" is the CPU
        time per request of these together; `store`: a program whose own is told beside it."""
        store = options.pop("store", None)
        words = []
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                words += ["--" + name.replace("_", "-"), one]
        if store:
            words += ["--pid", store.pid]  # the last one
        result = run_json([os.path.join(self.tools, "bench_load"), *words, *targets])
        if result["errors"] > 0:
            raise NotMeasured(f"{result['errors']} of {result['requests']} answers were errors")
        count = max(1, result["requests"])
        if store:
            result["store_cpu_us"] = result["cpu_seconds"].pop() * 1e6 / count
        result["busy"] = sum(result["cpu_seconds"]) / result["seconds"]
        result["rate"] = result["requests"] / result["seconds"]
        result["cpu_us"] = sum(result["cpu_seconds"]) * 1e6 / count
        return result
