"""A Redis Cluster of real servers, in a folder of the test's own."""

import os
import shutil
import subprocess
import time

from support import env, log
from support.fixed_port_server import ADMIN, FixedPortServer
from support.redis_server import major_version, user_words

SLOTS = 16384


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def slot_of(limit, key=""):
    """The slot of a counter of the default redis_key, of a name and key that need no escapes."""
    return crc16(f"{limit}:{key}".encode()) % SLOTS


class ClusterSet:
    """Primaries and as many replicas each as `replicas` says. acl: the daemon's user has the
    documented rights. tls: words by which all of it speaks TLS. Ready when each node says
    cluster_state:ok and each replica is in step."""

    def __init__(self, primaries=3, replicas=1, acl=True, tls=(), node_timeout_ms=1000, more=()):
        # Nodes write their configuration down when anything changes, and stand still for the disk.
        self.dir = env.make_dir(in_memory=True)
        self.acl, self.tls = acl, list(tls)
        self.login = ADMIN if acl else {}
        words = ["--cluster-enabled", "yes", "--cluster-node-timeout", node_timeout_ms,
                 "--repl-diskless-sync-delay", "0", "--cluster-require-full-coverage", "no",
                 "--cluster-allow-replica-migration" if major_version() >= 7
                 else "--cluster-migration-barrier", "no" if major_version() >= 7 else 99,
                 "--save", "", "--appendonly", "no", *more]
        if self.tls:
            self.tls += ["--tls-replication", "yes", "--tls-cluster", "yes"]
        if acl:
            words += ["--aclfile", self._users(), "--masteruser", "repl", "--masterauth", "replpw"]
        self.servers = []
        try:
            for number in range(primaries * (1 + replicas)):
                server = FixedPortServer(self.dir, f"node{number}", words, self.tls, self.login)
                self.servers.append(server)
                server.start()
            self._create(primaries)
            self.wait_calm()
        except BaseException:
            log.show()
            self.close()
            raise

    def _users(self):
        path = os.path.join(self.dir, "users.acl")
        channels = "allchannels" if major_version() >= 7 else ""
        rule = " ".join(user_words(page="redis-cluster.md"))
        if major_version() < 7:
            rule = rule.replace("+cluster|slots", "+cluster")
        with open(path, "w", encoding="utf-8") as file:
            file.write("user default off\n"
                       f"user admin on >adminpw ~* {channels} +@all\n"
                       "user repl on >replpw +psync +replconf +ping\n"
                       f"user {rule}\n")
        return path

    def cli(self, *words, check=True):
        """redis-cli --cluster WORDS."""
        login = ["--user", "admin", "--pass", "adminpw", "--no-auth-warning"] if self.acl else []
        tls = []
        for option, value in zip(self.tls[::2], self.tls[1::2]):
            name = {"--tls-ca-cert-file": "--cacert", "--tls-cert-file": "--cert",
                    "--tls-key-file": "--key"}.get(option)
            tls += [name, value] if name else []
        done = subprocess.run(["redis-cli", *login, *(["--tls", *tls] if self.tls else []),
                               "--cluster", *map(str, words)], capture_output=True, text=True,
                              check=False, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"redis-cli --cluster {words}: {done.stdout[-400:]}{done.stderr}")
        return done

    def _create(self, primaries):
        """As redis-cli does it, but for its waiting without an end."""
        first = self.servers[0]
        for number, server in enumerate(self.servers):
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < primaries:
                server.ask("CLUSTER", "ADDSLOTS", *range(SLOTS * number // primaries,
                                                         SLOTS * (number + 1) // primaries))

        def knows_all(server):
            nodes = server.ask("CLUSTER", "NODES").splitlines()
            return len(nodes) == len(self.servers) and not any("handshake" in n for n in nodes)

        met_at = None

        def met():
            # A handshake that takes longer than the node timeout is forgotten.
            nonlocal met_at
            strangers = [server for server in self.servers if not knows_all(server)]
            if met_at is None or time.monotonic() > met_at + 3:
                met_at = time.monotonic()
                for server in strangers:
                    if server is not first:
                        first.ask("CLUSTER", "MEET", "127.0.0.1", server.port)
            return not strangers
        env.wait_until(met, 60, "nodes that know each other")
        for number, server in enumerate(self.servers[primaries:]):
            of = self.servers[number % primaries]
            env.wait_until(lambda one=server, other=of.ask("CLUSTER", "MYID"):
                           other in one.ask("CLUSTER", "NODES"), 30, "a primary that is known")
            server.ask("CLUSTER", "REPLICATE", of.ask("CLUSTER", "MYID"))

    def wait_calm(self, deadline=60):
        """Until all that run agree, and each replica of them is in step."""
        def calm():
            live = self.live()
            for server in live:
                if "cluster_state:ok" not in server.ask("CLUSTER", "INFO"):
                    return False
                info = server.info("replication")
                if info["role"] == "slave" and info["master_link_status"] != "up":
                    return False
            maps = {repr(sorted((row[0], row[1], row[2][1]) for row in server.ask("CLUSTER", "SLOTS")))
                    for server in live}
            return len(maps) == 1
        env.wait_until(calm, deadline, "a calm cluster")

    # Looks

    @property
    def addresses(self):
        return [f"127.0.0.1:{server.port}" for server in self.servers]

    def live(self):
        return [server for server in self.servers if server.running()]

    def of_port(self, port):
        return next(server for server in self.servers if server.port == port)

    def owner(self, slot, via=None):
        """The server that has the slot, as one that runs tells; None where nobody has."""
        for row in (via or self.live()[0]).ask("CLUSTER", "SLOTS"):
            if row[0] <= slot <= row[1]:
                return self.of_port(row[2][1])
        return None

    def primaries(self):
        ports = {row[2][1] for row in self.live()[0].ask("CLUSTER", "SLOTS")}
        return [self.of_port(port) for port in sorted(ports)]

    def replica_of(self, server):
        return next(one for one in self.live() if one.info("replication")["role"] == "slave"
                    and one.info("replication")["master_port"] == server.port)

    def keys(self, limit, count, owner):
        """That many keys of the limit whose counters that server has."""
        ranges = [(row[0], row[1]) for row in owner.ask("CLUSTER", "SLOTS")
                  if row[2][1] == owner.port]
        found, number = [], 0
        while len(found) < count:
            key = f"k{number}"
            number += 1
            slot = slot_of(limit, key)
            if any(first <= slot <= last for first, last in ranges):
                found.append(key)
        return found

    def settings(self):
        """For [cluster]."""
        return {"addresses": [f"127.0.0.1:{server.port}" for server in self.live()]}

    def redis_settings(self):
        """For [redis], but what TLS takes."""
        return {"username": "rategate", "password": "s3cret"} if self.acl else {}

    # What befalls it

    def fail_over(self, server):
        """By hand, without loss; who is the primary then. Calm first: a replica that has not heard
        of a slot that came to its primary leaves that slot there."""
        self.wait_calm()
        replica = self.replica_of(server)
        replica.ask("CLUSTER", "FAILOVER")
        env.wait_until(lambda: replica.info("replication")["role"] == "master", 20, "a failover")
        return replica

    def empty_replica(self, server):
        """Its replica has lost all; it is empty when it takes the place."""
        replica = self.replica_of(server)
        replica.ask("CONFIG", "SET", "replica-read-only", "no")
        replica.ask("FLUSHALL")

    def wait_replaced(self, server, slot, deadline=30):
        """Until another one has the slot, as those tell that run: (the moment, who it is)."""
        def replaced():
            owners = {self.owner(slot, via) for via in self.live()}
            return owners.pop() if len(owners) == 1 and server not in owners else None
        owner = env.wait_until(replaced, deadline, "a primary that took the slot over")
        return time.monotonic(), owner

    def move(self, slot, to):
        """The slot, and all of its keys, at once; all nodes agree before and after, so that whoever
        is asked for the owner next knows it, and no two nodes take the same epoch."""
        self.wait_calm()
        source = self.begin_move(slot, to)
        self.move_keys(slot, source, to)
        self.end_move(slot, source, to)
        self.wait_calm()

    def begin_move(self, slot, to, source=None):
        """The slot is on its way, with none of its keys moved yet. source: who has it, where the
        nodes do not agree."""
        source = source or self.owner(slot)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ask("CLUSTER", "MYID"))
        return source

    def move_keys(self, slot, source, to, ending=""):
        """Those that are still there, of names that end so."""
        login = ["AUTH2", "admin", "adminpw"] if self.acl else []
        keys = [key for key in source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1000)
                if key.endswith(ending)]
        if keys:
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, *login, "KEYS", *keys)

    def end_move(self, slot, source, to):
        to_id = to.ask("CLUSTER", "MYID")
        for server in (to, source):
            server.ask("CLUSTER", "SETSLOT", slot, "NODE", to_id)

    def close(self):
        for server in self.servers:
            server.kill9()
            log.keep(server)
        shutil.rmtree(self.dir, ignore_errors=True)
