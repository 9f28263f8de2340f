"""A primary and its replica, of one port at two addresses, so that a name can lead to either."""

from support import env
from support.redis_server import free_port

ADDRESSES = "127.0.0.1", "127.0.0.2"


class Pair:
    def __init__(self, scene):
        self.port = free_port()
        self.old, self.new = (self._server(scene, address) for address in ADDRESSES)
        follow(self.new, self.old)

    def _server(self, scene, address):
        words = ["--port", self.port, "--repl-diskless-sync-delay", "0"]
        server = scene.redis(host=address, args=[*words, "--replica-announce-ip", address])
        server.port = self.port
        return server

    def addresses(self):
        return [f"{address}:{self.port}" for address in ADDRESSES]


def follow(replica, primary):
    replica.db.slaveof(primary.host, primary.port)
    env.wait_until(lambda: replica.db.info("replication")["master_link_status"] == "up", 15,
                   "a replica in step")
