"""A server of Redis' kind that keeps its port over restarts, below those that the system hands out."""

import os
import random
import socket
import subprocess
import time

import redis

from support import env, log
from support.server_process import ServerProcess

ADMIN = {"username": "admin", "password": "adminpw"}


def free_low_port():
    """Below the ports that the system hands out by itself, so that it stays free."""
    while True:
        port = random.randrange(10240, 22768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class FixedPortServer(ServerProcess):
    """login: by which the test asks it; tls: words by which it speaks TLS."""

    def __init__(self, folder, name, words, tls, login):
        self.name, self.words, self.tls, self.login = name, list(words), tls, login
        self.dir = os.path.join(folder, name)
        os.mkdir(self.dir)
        self.log_file = os.path.join(self.dir, "log")
        self.port = 0
        log.register(self)

    def start(self):
        for _ in range(20):
            port = self.port or free_low_port()
            ports = ["--port", 0, "--tls-port", port] if self.tls else ["--port", port]
            command = ["redis-server", *self.words, *ports, "--bind", "127.0.0.1", "--dir", self.dir,
                       "--logfile", self.log_file, *self.tls]
            self._process = subprocess.Popen(env.tied(command), stdin=subprocess.DEVNULL,
                                             env=env.clean_environ(), stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
            until = time.monotonic() + 20
            while time.monotonic() < until and self._process.poll() is None:
                if self._answers(port):
                    self.port = port
                    return
                time.sleep(0.005)
            if self._process.poll() is None:
                break
        raise AssertionError(f"{self.name} does not start: " + log.tail(self.log_file))

    def _answers(self, port):
        """It, and not another test's server that had the port a moment earlier."""
        try:
            with self.client(port) as client:
                return client.info("server")["process_id"] == self._process.pid
        except redis.exceptions.RedisError:
            return False

    def client(self, port=None, **options):
        more = {"ssl": True, "ssl_cert_reqs": "none"} if self.tls else {}
        more.update(self.login)
        more.update(options)
        return redis.Redis(port=port or self.port, decode_responses=True, socket_timeout=20, **more)

    def ask(self, *words):
        return self._asked(lambda client: client.execute_command(*words))

    def now_us(self):
        seconds, micros = self._asked(lambda client: client.time())
        return seconds * 1_000_000 + micros

    def info(self, section):
        return self._asked(lambda client: client.info(section))

    def _asked(self, question):
        """Once more where the connection is cut: sentinels cut all of a server that they demote."""
        for again in (True, False):
            try:
                with self.client() as client:
                    return question(client)
            except redis.exceptions.ConnectionError:
                if not again or not self.running():
                    raise
        return None
