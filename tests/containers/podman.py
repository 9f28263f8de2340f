"""Podman with a storage of the tests' own, kept outside the tree as root file systems are.

Its database holds it to one folder for what runs, so that this is kept as well.
"""

import contextlib
import fcntl
import os
import pathlib
import subprocess
import uuid

import harness

CACHE = pathlib.Path(os.environ.get("RATEGATE_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "rategate")
STORAGE, RUN = CACHE / "containers", CACHE / "containers-run"
IMAGE = "localhost/rategate"
BASE = f"localhost/rategate-base:{os.path.basename(os.environ['RATEGATE_BASE'])}"
# The limits are those of the one who asks: a sandbox may forbid to raise any. Control groups are for
# an engine that has a host of its own.
RUN_OPTIONS = ["--network", "host", "--cgroups", "disabled", "--pids-limit", "0",
               "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]


def podman(*words, check=True, **options):
    """The finished podman, its output as text."""
    done = subprocess.run(
        ["podman", "--root", STORAGE, "--runroot", RUN, "--tmpdir", RUN / "tmp",
         "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "crun",
         *map(str, words)], text=True, capture_output=True, timeout=1200, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"podman {' '.join(map(str, words))}: {done.returncode}\n"
                             f"{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done


@contextlib.contextmanager
def storage():
    """The storage, for one run of the tests at a time, rid of what one before may have left."""
    RUN.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "containers.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        podman("rm", "--all", "--force", "--time", "0")
        yield


def build():
    """The image, from the Dockerfile as it stands. The base is this release's own."""
    if podman("image", "exists", BASE, check=False).returncode != 0:
        tar = subprocess.Popen(["tar", "-C", os.environ["RATEGATE_BASE"], "-c", "."],
                               stdout=subprocess.PIPE)
        podman("import", "-", BASE, stdin=tar.stdout)
        if tar.wait() != 0:
            raise AssertionError("the base cannot be packed")
    podman("build", "--isolation", "chroot", "--layers", "--network", "host", "--format", "docker",
           "--build-arg", f"BASE={BASE}", "--file", "packaging/container/Dockerfile",
           "--tag", IMAGE, ".", cwd=harness.SOURCE_DIR)


class Container:
    """One that runs until close()."""

    def __init__(self, *words, options=(), image=IMAGE):
        self.name = "rg-" + uuid.uuid4().hex[:12]
        podman("run", "--detach", "--name", self.name, *RUN_OPTIONS, *options, image, *words)

    def close(self):
        podman("rm", "--force", "--time", "5", self.name)

    def exec(self, *words, check=True, options=()):
        return podman("exec", *options, self.name, *words, check=check)

    def pid(self):
        """Its first process, as this host numbers it."""
        return int(podman("inspect", "--format", "{{.State.Pid}}", self.name).stdout)

    def log(self):
        done = podman("logs", self.name)
        return done.stdout + done.stderr

    def wait_exit(self):
        """Its exit code."""
        return int(podman("wait", self.name).stdout)


def run(*words, options=(), image=IMAGE, check=True):
    """A container that ends by itself."""
    return podman("run", "--rm", *RUN_OPTIONS, *options, image, *words, check=check)


def ask(*words, options=(), check=True):
    """`rategate WORDS` in a container of its own."""
    return run(*words, options=["--entrypoint", "rategate", *options], check=check)
