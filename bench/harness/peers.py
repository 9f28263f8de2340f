"""Other limiters: built once from bench/peers into build/bench-peers, asked as their users ask them.

A peer whose folder has not changed since it was built is not built again. One that cannot be built
is a row with the reason.
"""

import hashlib
import os
import shutil
import subprocess

from harness.programs import NotMeasured, clean_environment, free_port, run_json

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")
LIMIT = 100_000_000  # per second: never used up
# What each go.sum says is verified; nothing is asked of a checksum database beside it. The C++ in
# Limitador's store takes minutes, so its objects are kept.
BUILD_ENVIRONMENT = {"GOSUMDB": "off", "CC": "ccache cc", "CXX": "ccache c++"}


class Peer:
    def __init__(self, folder, build, command=(), beside=None):
        """`beside`: a folder of bench/peers that its sources refer to."""
        self.source = os.path.join(SOURCE, folder)
        self.folder = folder
        self.build_commands = build
        self.command = command
        self.beside = beside

    def built(self, cache, say):
        """Its folder in the cache, after building it there where needed."""
        out = os.path.join(cache, self.folder)
        stamp = os.path.join(out, "stamp")
        digest = self._digest()
        if os.path.exists(stamp):
            with open(stamp, encoding="ascii") as file:
                if file.read() == digest:
                    return out
        say(f"building {self.folder}")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.source, out)
        if self.beside:
            shutil.copytree(os.path.join(SOURCE, self.beside), os.path.join(cache, self.beside),
                            dirs_exist_ok=True)
        environment = {**clean_environment(), **BUILD_ENVIRONMENT}
        with open(os.path.join(out, "build.log"), "w", encoding="utf-8") as log:
            for command in self.build_commands:
                words = [word.replace("{out}", out).replace("{version}", self._version())
                         for word in command]
                if shutil.which(words[0]) is None:
                    raise NotMeasured(f"{words[0]} is not there")
                done = subprocess.run(words, cwd=out, env=environment, stdout=log, stderr=log,
                                      check=False)
                if done.returncode != 0:
                    raise NotMeasured(f"did not build: see {os.path.relpath(log.name)}")
        with open(stamp, "w", encoding="ascii") as file:
            file.write(digest)
        return out

    def _version(self):
        path = os.path.join(self.source, "version")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="ascii") as file:
            return file.read().strip()

    def _digest(self):
        digest = hashlib.sha256(repr(self.build_commands).encode())
        for top in filter(None, (self.folder, self.beside)):
            for base, folders, files in os.walk(os.path.join(SOURCE, top)):
                folders.sort()
                for name in sorted(files):
                    if name.endswith(".pyc"):
                        continue
                    with open(os.path.join(base, name), "rb") as file:
                        digest.update(name.encode() + b"\0" + file.read() + b"\0")
        return digest.hexdigest()


VENV = [["/usr/bin/python3", "-m", "venv", "{out}/venv"],
        ["{out}/venv/bin/pip", "install", "-q", "-r", "requirements.txt"]]
GO = [["go", "build", "-o", "{out}/peer", "."]]


def go_server(package):
    """Its caller, and the server that the same module pins."""
    return [*GO, ["go", "build", "-o", "{out}/server", package]]


CALLED = {
    "peer: old recipe, Python": Peer("recipe", VENV, ["{out}/venv/bin/python", "-B",
                                                      "{source}/recipe.py"]),
    "peer: limits, Python": Peer("limits", VENV, ["{out}/venv/bin/python", "-B",
                                                  "{source}/fixed_window.py"]),
    "peer: rate-limiter-flexible, Node": Peer(
        "rate_limiter_flexible", [["npm", "ci", "--silent", "--ignore-scripts", "--no-audit",
                                   "--no-fund"]], ["node", "{out}/fixed_window.js"]),
    "peer: redis_rate, Go": Peer("redis_rate", GO, ["{out}/peer"], beside="go"),
    "peer: Limitador's library, Rust": Peer(
        "limitador", [["cargo", "build", "-q", "--release"]],
        ["{out}/target/release/bench-limitador"]),
}
THROTTLECRAB = Peer("throttlecrab", [["cargo", "install", "-q", "--locked", "throttlecrab-server",
                                      "--version", "={version}", "--root", "{out}"]])
# Linked as a dependency of something else, the module would need Rust's own shared library, which
# redis-server does not find.
REDIS_CELL = Peer("redis_cell", [["cargo", "rustc", "-q", "--release", "-p", "redis-cell",
                                  "--crate-type", "cdylib"]])
ENVOY = Peer("envoy_ratelimit", go_server("github.com/envoyproxy/ratelimit/src/service_cmd"),
             beside="go")
GUBERNATOR = Peer("gubernator", go_server("github.com/gubernator-io/gubernator/v2/cmd/gubernator"),
                  beside="go")


def called(peer):
    """A library in a program of its own language; Redis over TCP, as it is used."""
    def measure(bench):
        out = peer.built(bench.peers, bench.say)
        bench.redis()
        words = [word.replace("{out}", out).replace("{source}", peer.source)
                 for word in peer.command]
        return mean(run_json([*words, "--redis-port", bench.place.tcp_port, "--limit", LIMIT,
                              "--keys", 1, "--seconds", bench.seconds]))
    return measure


def mean(result):
    if result["allowed"] != result["checks"]:
        raise NotMeasured(f"only {result['allowed']} of {result['checks']} were allowed")
    return {**result, "mean_ns": result["seconds"] * 1e9 / result["checks"]}


def as_peer(load):
    """A row of bench_load in the form of the others."""
    return {**load, "mean_ns": load["seconds"] * 1e9 / load["requests"]}


def throttlecrab(clients, depth):
    def measure(bench):
        out = THROTTLECRAB.built(bench.peers, bench.say)
        port = free_port()
        with bench.new_place() as place:
            place.server_at_port([f"{out}/bin/throttlecrab-server", "--redis", "--redis-host",
                                  "127.0.0.1", "--redis-port", port], port, "throttlecrab")
            return as_peer(place.load(str(port), command=f"THROTTLE %k {LIMIT} {LIMIT} 1",
                                      verdict="one", clients=clients, depth=depth,
                                      seconds=bench.seconds))
    return measure


def redis_cell(clients, depth):
    def measure(bench):
        out = REDIS_CELL.built(bench.peers, bench.say)
        with bench.new_place() as place:
            redis = place.redis("--loadmodule", f"{out}/target/release/libredis_cell.so")
            # A burst that is never used up and hardly comes back: with as many permits a second the
            # module has forgotten its key before the next call.
            return as_peer(place.load(redis.path, command=f"CL.THROTTLE %k {LIMIT} 1 1",
                                      verdict="zero", clients=clients, depth=depth,
                                      seconds=bench.seconds))
    return measure


def envoy(bench):
    out = ENVOY.built(bench.peers, bench.say)
    with bench.new_place() as place:
        place.redis()
        ports = {name: free_port() for name in ("GRPC_PORT", "PORT", "DEBUG_PORT")}
        place.server_at_port(
            [f"{out}/server"], ports["GRPC_PORT"], "envoy",
            {**{name: str(port) for name, port in ports.items()}, "USE_STATSD": "false",
             "LOG_LEVEL": "error", "REDIS_SOCKET_TYPE": "tcp",
             "REDIS_URL": f"127.0.0.1:{place.tcp_port}", "RUNTIME_ROOT": out,
             "RUNTIME_SUBDIRECTORY": "runtime", "RUNTIME_WATCH_ROOT": "false"})
        return mean(run_json([f"{out}/peer", "--port", ports["GRPC_PORT"], "--seconds",
                              bench.seconds]))


def gubernator(bench):
    """One node, which is then each key's owner."""
    out = GUBERNATOR.built(bench.peers, bench.say)
    grpc, http, gossip = (free_port() for _ in range(3))
    gossip_at = f"127.0.0.1:{gossip}"
    with bench.new_place() as place:
        # It listens for HTTP last, when it knows its cluster.
        place.server_at_port(
            [f"{out}/server"], http, "gubernator",
            {"GUBER_GRPC_ADDRESS": f"127.0.0.1:{grpc}", "GUBER_HTTP_ADDRESS": f"127.0.0.1:{http}",
             **{f"GUBER_MEMBERLIST_{name}": gossip_at
                for name in ("ADDRESS", "BIND_ADDRESS", "KNOWN_NODES")},
             "GUBER_LOG_LEVEL": "error", "OTEL_TRACES_EXPORTER": "none"})
        return mean(run_json([f"{out}/peer", "--port", grpc, "--limit", LIMIT, "--seconds",
                              bench.seconds]))


CONTESTANTS = {
    **{name: called(peer) for name, peer in CALLED.items()},
    "peer: throttlecrab, one client": throttlecrab(1, 1),
    "peer: throttlecrab, 50 clients, P16": throttlecrab(50, 16),
    "peer: redis-cell, one client": redis_cell(1, 1),
    "peer: redis-cell, 50 clients, P16": redis_cell(50, 16),
    "peer: Envoy ratelimit, gRPC": envoy,
    "peer: Gubernator, gRPC": gubernator,
}
# What the table must have; of the others a reason will do.
REQUIRED = [name for name in CONTESTANTS if "throttlecrab" in name or name in CALLED
            and "Limitador" not in name]
