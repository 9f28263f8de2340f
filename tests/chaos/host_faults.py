"""What can happen to a daemon, and to the host that it runs on."""

import contextlib
import random
import socket
import time

from rows import Row
from support import env, segment
from support.mounts import Mounts

STEP_MS = 10_500


def clock(sign):
    """A host's wall clock is set to another time."""
    def fault(scene):
        set_clock = scene.own(env.SteppingClock(scene.folder()))
        redis = scene.redis()
        scene.start(redis, of_host=[{"env_more": set_clock.environ()}, {}, {}])
        set_clock.step(sign * STEP_MS)
        scene.lasts(2, 1)
    return fault


def log_full(scene):
    """The disk with the log of host 0 has no room left."""
    mounts = scene.own(Mounts())
    prefix = mounts.small_disk("log", 64)
    path = mounts.path("log/rategated.log")
    scene.start(scene.redis(), of_host=[
        {"command_prefix": prefix, "log_settings": {"target": f"file:{path}"}}, {}, {}])
    host = scene.hosts[0]
    filler = f"/proc/{host.daemon.pid}/root{mounts.path('log/filler')}"
    host.log_file = f"/proc/{host.daemon.pid}/root{path}"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    for _ in range(100):
        host.daemon.reload()
        if host.watch.seen.is_set():
            break
    scene.wait_shown()
    with open(filler, "wb"):
        pass
    host.daemon.reload()


def daemon_killed(scene):
    redis = scene.redis()
    scene.start(redis)
    host = scene.hosts[0]
    host.daemon.kill9()
    host.replace(scene.daemon(redis, socket_path=host.daemon.socket))


def daemon_hung(scene):
    scene.start(scene.redis())
    daemon = scene.hosts[0].daemon
    daemon.stop()
    scene.lasts(3, 2)
    daemon.cont()


def suspended(scene):
    """All that runs on the machine stands still: the daemons and Redis."""
    redis = scene.redis()
    scene.start(redis)
    everybody = [host.daemon for host in scene.hosts] + [redis]
    for one in everybody:
        one.stop()
    scene.lasts(5, 3)
    for one in everybody:
        one.cont()


def host_suspended(scene):
    """Host 0 stands still, and its CLOCK_MONOTONIC with it; Redis and the others go on. By that
    clock it would be a while that is no whole number of windows behind, so that an answer told it."""
    set_clock = scene.own(env.SteppingClock(scene.folder()))
    scene.start(scene.redis(), of_host=[{"env_more": set_clock.environ()}, {}, {}])
    daemon = scene.hosts[0].daemon
    daemon.stop()
    began = time.monotonic()
    scene.lasts(5.5, 3.5)
    set_clock.step(monotonic_ms=int((began - time.monotonic()) * 1000))
    daemon.cont()


def no_descriptors(scene):
    """More clients than host 0 may have descriptors, while its connection to Redis is made anew."""
    redis = scene.redis()
    scene.start(redis, of_host=[{"command_prefix": ["prlimit", "--nofile=100:100", "--"]}, {}, {}])
    with contextlib.ExitStack() as crowd:
        for _ in range(200):
            crowd.enter_context(socket.socket(socket.AF_UNIX)).connect(scene.hosts[0].daemon.socket)
        scene.wait_shown()
        redis.cut()
        scene.lasts(1)


def garbage(scene):
    """A program of host 0 writes random bytes over the shared memory, which others use."""
    scene.start(scene.redis())
    daemon = scene.hosts[0].daemon
    rogue = scene.own(segment.Segment(daemon.socket))
    chance = random.Random(5)
    for _ in range(20):
        rogue.memory[segment.HEADER_BYTES:] = chance.randbytes(rogue.bytes - segment.HEADER_BYTES)
        scene.lasts(0.1)
    scene.wait_shown()


ROWS = [
    Row("host-clock-ahead", clock(1), "", reasons=(), hosts=(0,)),
    Row("host-clock-behind", clock(-1), "", reasons=(), hosts=(0,)),
    Row("log-disk-full", log_full, "log_dropped", "log_lines_dropped", "[1-9]", reasons=(),
        hosts=(0,)),
    Row("daemon-killed", daemon_killed, "ready", "uptime_in_seconds", "^0$", reasons=(),
        hosts=(0,)),
    Row("daemon-hung", daemon_hung, "", hosts=(0,)),
    Row("suspended", suspended, ""),
    Row("host-suspended", host_suspended, "", hosts=(0,), shared=False),
    Row("no-descriptors", no_descriptors, "", "rejected_connections", "[1-9]", reasons=(),
        hosts=(0,)),
    Row("garbage-in-segment", garbage, "shm_forged", "shm_forged", "[1-9]", reasons=(),
        hosts=(0,)),
]
