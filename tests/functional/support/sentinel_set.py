"""A primary, its replicas and the sentinels that watch them, real ones, in a folder of the test's own;
and a sentinel that says what the test tells it to."""

import os
import shutil
import socket
import threading
import time

import redis

from support import env, log
from support.fixed_port_server import ADMIN, FixedPortServer
from support.redis_server import major_version, user_words
from support.resp import Parser

MASTER = "mymaster"


class SentinelSet:
    """tls: words by which each of the six speaks TLS. acl: users with the documented rights, on
    servers and sentinels (Redis 6.0 knows none on sentinels, which have a password then); else nobody
    is asked for a password, but sentinels for `password` where one is given. Ready when each sentinel knows all the others and both replicas."""

    def __init__(self, tls=(), acl=True, password=None, down_after_ms=500):
        self.dir = env.make_dir()
        self.tls, self.acl, self.password = list(tls), acl, password
        self.sentinel_acl = acl and major_version() >= 7
        if acl and not self.sentinel_acl:
            self.password = "sentinelpw"
        if self.tls:
            self.tls += ["--tls-replication", "yes"]
        self.servers, self.sentinels = [], []
        try:
            self._start_servers()
            self._start_sentinels(down_after_ms)
            env.wait_until(self._complete, 30, "sentinels that know each other")
        except BaseException:
            log.show()
            self.close()
            raise

    # Starting

    def _write(self, name, *lines):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def _start_servers(self):
        words = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
        if self.acl:
            rule = " ".join(user_words())
            channels = "allchannels" if self.sentinel_acl else ""
            users = self._write(
                "servers.acl", "user default off", f"user admin on >adminpw ~* {channels} +@all",
                "user repl on >replpw +psync +replconf +ping",
                f"user watcher on >watchpw {channels} +multi +slaveof +ping +exec +subscribe "
                "+config|rewrite +role +publish +info +client|setname +client|kill +script|kill",
                f"user {rule}")
            words += ["--aclfile", users, "--masteruser", "repl", "--masterauth", "replpw"]
        for number in range(3):
            more = ["--replicaof", "127.0.0.1", self.servers[0].port] if number else []
            server = FixedPortServer(self.dir, f"server{number}", words + more, self.tls,
                             ADMIN if self.acl else {})
            self.servers.append(server)
            server.start()
        for replica in self.servers[1:]:
            env.wait_until(lambda one=replica: one.info("replication")["master_link_status"] == "up",
                           20, "a replica in step")

    def _start_sentinels(self, down_after_ms):
        login = ADMIN if self.sentinel_acl else {"password": self.password} if self.password else {}
        lines = [f"sentinel monitor {MASTER} 127.0.0.1 {self.servers[0].port} 2",
                 f"sentinel down-after-milliseconds {MASTER} {down_after_ms}",
                 f"sentinel failover-timeout {MASTER} 10000"]
        if self.acl:
            lines += [f"sentinel auth-user {MASTER} watcher",
                      f"sentinel auth-pass {MASTER} watchpw"]
        if self.sentinel_acl:
            rule = " ".join(user_words(page="redis-sentinel.md", password="sentinelpw"))
            users = self._write("sentinels.acl", "user default off",
                                "user admin on >adminpw ~* &* +@all",
                                "user peer on >peerpw ~* &* +@all", f"user {rule}")
            lines += [f"aclfile {users}", "sentinel sentinel-user peer",
                      "sentinel sentinel-pass peerpw"]
        if self.password:
            lines.append(f"requirepass {self.password}")
            if major_version() >= 7:
                lines.append(f"sentinel sentinel-pass {self.password}")
        for number in range(3):
            path = self._write(f"sentinel{number}.conf", *lines)
            sentinel = FixedPortServer(self.dir, f"sentinel{number}", [path, "--sentinel"], self.tls, login)
            self.sentinels.append(sentinel)
            sentinel.start()

    def _complete(self):
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                state = client.sentinel_master(MASTER)
            if state["num-slaves"] != 2 or state["num-other-sentinels"] != 2:
                return False
        return True

    # Settings of a daemon

    @property
    def addresses(self):
        return [f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels]

    def sentinel_settings(self):
        """For [sentinel], but what TLS takes."""
        login = {}
        if self.sentinel_acl:
            login = {"username": "rategate", "password": "sentinelpw"}
        elif self.password:
            login = {"password": self.password}
        return {"addresses": self.addresses, "master": MASTER, **login}

    def redis_settings(self):
        """For [redis], but what TLS takes."""
        return {"username": "rategate", "password": "s3cret"} if self.acl else {}

    # Looks

    def of_port(self, port):
        return next(server for server in self.servers if server.port == port)

    def named(self):
        """The port that each sentinel names, of those that answer."""
        ports = []
        for sentinel in self.sentinels:
            try:
                ports.append(int(sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1]))
            except (redis.exceptions.RedisError, AttributeError):
                pass
        return ports

    def primary(self):
        """The server that a majority names."""
        ports = self.named()
        return self.of_port(next(port for port in ports if 2 * ports.count(port) > 3))

    def wait_agreed_on_another(self, old, deadline=30):
        """Until a majority names another one than `old`: (the moment, that server)."""
        def agreed():
            ports = self.named()
            return next((p for p in ports if p != old.port and ports.count(p) >= 2), None)
        port = env.wait_until(agreed, deadline, "sentinels that agree on another primary")
        return time.monotonic(), self.of_port(port)

    def close(self):
        for server in self.sentinels + self.servers:
            server.kill9()
            log.keep(server)
        shutil.rmtree(self.dir, ignore_errors=True)


class FakeSentinel:
    """Speaks for a sentinel, over TCP: names whom it is told to, and subscribes.

    named        (host, port), or None for a master that it does not know
    replies      what it says in place of its answer to GET-MASTER-ADDR-BY-NAME, where it is set
    deaf         it refuses to be subscribed to
    publish(b)   sends the bytes to all who have subscribed
    cut()        ends all connections
    """

    def __init__(self, named):
        self.named, self.replies, self.deaf = named, None, False
        self.questions = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends = []
        self._subscribed = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(end)
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end):
        parser = Parser()
        try:
            while True:
                data = end.recv(65536)
                if not data:
                    return
                parser.feed(data)
                while True:
                    found, words = parser.next()
                    if not found:
                        break
                    end.sendall(self._answer(end, [bytes(word).upper() for word in words]))
        except OSError:
            pass

    def _answer(self, end, words):
        if words[0] == b"PING":
            return b"+PONG\r\n"
        if words[0] == b"SUBSCRIBE":
            self._subscribed.append(end)
            if self.deaf:
                return b"-NOPERM this user has no permissions\r\n"
            return b"*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n"
        if words[:2] == [b"SENTINEL", b"REPLICAS"]:
            return b"*0\r\n"
        if words[:2] == [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME"]:
            self.questions += 1
            if self.replies is not None:
                return self.replies
            if self.named is None:
                return b"*-1\r\n"
            host, port = (str(part).encode() for part in self.named)
            return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(host), host, len(port), port)
        return b"+OK\r\n"

    def subscribed(self):
        return len(self._subscribed)

    def publish(self, data):
        for end in self._subscribed:
            try:
                end.sendall(data)
            except OSError:
                pass

    def cut(self):
        ends, self._ends, self._subscribed = self._ends, [], []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread that accepts would keep it
        self._listener.close()
        self._thread.join(10)
        for end in self._ends:
            end.close()
