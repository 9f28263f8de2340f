#!/usr/bin/python3
"""The container image, and what is asked across containers: docs/containers.md, run."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "functional")]
import harness  # noqa: E402
import manifest  # noqa: E402
import podman  # noqa: E402
from podman import Container, ask, run  # noqa: E402

USER = 10001  # the image's
BUILD = harness.BIN_DIR.parent
SCHEMA = harness.SOURCE_DIR / "build/containers/venv/bin/kubernetes-validate"


class Case(harness.Case):
    """folder() is what is mounted at /run/rategate; rategated() a daemon in a container."""

    def folder(self):
        path = self.tmp()
        os.chmod(path, 0o755)
        os.chown(path, USER, USER)
        return path

    def container(self, *words, **more):
        return self._owned(Container(*words, **more))

    def rategated(self, folder, *words, options=()):
        container = self.container(*(words or ("--memory", "--limit", "api=5/h")),
                                   options=["--volume", f"{folder}:/run/rategate", *options])
        harness.wait_until(lambda: container.exec("rategate", "ping", check=False).returncode == 0,
                           15, "the daemon in its container")
        return container


class Image(Case):
    def test_without_privileges_on_a_root_that_is_read_only(self):
        daemon = self.rategated(self.folder(), options=[
            "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges"])
        status = dict(line.split(":\t", 1) for line in daemon.exec(
            "cat", "/proc/1/status").stdout.splitlines() if ":\t" in line)
        self.assertEqual(status["Uid"].split(), [str(USER)] * 4)
        self.assertEqual(status["Gid"].split(), [str(USER)] * 4)
        self.assertEqual((int(status["CapPrm"], 16), int(status["CapBnd"], 16)), (0, 0))
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertIn("allowed", daemon.exec("rategate", "check", "api").stdout)

    def test_it_ends_as_it_should(self):
        daemon = self.rategated(self.folder())
        podman.podman("kill", "--signal", "TERM", daemon.name)
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertIn("stopped", daemon.log())

    def test_health(self):
        daemon = self.rategated(self.folder())
        health = ("healthcheck", "run", daemon.name)
        self.assertEqual(podman.podman(*health).returncode, 0)
        os.kill(daemon.pid(), signal.SIGSTOP)
        try:
            self.assertNotEqual(podman.podman(*health, check=False).returncode, 0)
        finally:
            os.kill(daemon.pid(), signal.SIGCONT)
        self.assertEqual(podman.podman(*health).returncode, 0)

    def test_without_a_store_it_says_which_there_are(self):
        done = run(check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("REDIS_HOST", done.stderr)

    def test_counts_in_redis_with_a_daemon_outside(self):
        redis = self.redis(tcp=True, password="s3cret")
        inside = self.rategated(
            self.folder(), "--limit", "api=40/h",
            options=["--env", "REDIS_HOST=127.0.0.1", "--env", f"REDIS_PORT={redis.port}",
                     "--env", "REDIS_PASSWORD=s3cret"])
        outside = self.daemon(redis, limits={"api": "40/h"}, redis_settings={"password": "s3cret"})
        allowed = 0
        for _ in range(30):
            allowed += outside.check("api").allowed
            allowed += inside.exec("rategate", "check", "--quiet", "api", check=False).returncode == 0
        self.assertEqual(allowed, 40)


class SharedFolder(Case):
    """The folder is mounted, never the socket's file."""

    def test_who_may_ask(self):
        folder = self.folder()
        self.rategated(folder)
        mount = ["--volume", f"{folder}:/run/rategate:ro"]
        self.assertIn("allowed", ask("check", "api", options=mount).stdout)
        stranger = ask("check", "api", options=[*mount, "--user", "20001:20001"], check=False)
        self.assertEqual(stranger.returncode, 3)
        self.assertIn("Permission denied", stranger.stderr)
        self.assertIn("members of group", stranger.stderr)
        member = ask("check", "api", options=[*mount, "--user", "20001:20001", "--group-add", USER])
        self.assertIn("allowed", member.stdout)

    def test_the_daemon_is_replaced(self):
        folder = self.folder()
        first = self.rategated(folder)
        asks = ["--entrypoint", "sleep", "--volume", f"{folder}:/run/rategate:ro"]
        by_folder = self.container("1000", options=asks)
        by_file = self.container("1000", options=[
            "--entrypoint", "sleep", "--volume", f"{folder}/rategate.sock:/run/rategate/rategate.sock"])
        check = ("rategate", "check", "api")
        for container in (by_folder, by_file):
            self.assertIn("allowed", container.exec(*check).stdout)
        # However it ended, and whatever it left in the folder.
        for how in ("KILL", "TERM"):
            podman.podman("kill", "--signal", how, first.name)
            first.wait_exit()
            self.assertEqual(by_folder.exec(*check, check=False).returncode, 3)
            first = self.rategated(folder)
            self.assertIn("allowed", by_folder.exec(*check).stdout)
        self.assertEqual(by_file.exec(*check, check=False).returncode, 3,
                         "a socket's file that was mounted is the first daemon's for ever")

    def test_shared_memory_is_shared_by_containers(self):
        folder = self.folder()
        self.rategated(folder)
        run("/run/rategate/rategate.sock", "1000", options=[
            "--volume", f"{folder}:/run/rategate:ro", "--volume", f"{BUILD}:{BUILD}:ro",
            "--entrypoint", f"{BUILD}/bin/client_calls", "--cap-drop", "ALL", "--read-only",
            "--user", f"20001:{USER}"])
        with harness.Conn(f"{folder}/rategate.sock") as conn:
            self.assertGreater(permits_in_place(conn), 500)


def permits_in_place(conn):
    """What was taken in shared memory, once the daemon has looked."""
    def count():
        return int(re.search(rb"permits_spent_shared:(\d+)", conn.command("INFO")).group(1))
    seen = -1
    while (now := count()) != seen:
        seen = now
        time.sleep(0.1)
    return seen


# In the numbers of a namespace 0 to 65535 are this host's 200000 and on; OPEN lets the one group that
# may ask through.
SHIFTED = "0:200000:65536"
OPEN = f"0:200000:{USER},{USER}:{USER}:1,{USER + 1}:{200000 + USER + 1}:50000"


def in_user_namespace(*words, uid_map=SHIFTED, gid_map=SHIFTED, uid=20001, gids=(20001, USER)):
    return [HERE / "user_namespace.py", uid_map, gid_map, uid, ",".join(map(str, gids)), *words]


def finish(*command, **more):
    return subprocess.run([*map(str, command)], text=True, capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL, check=False, **more)


class Namespaces(Case):
    def test_a_caller_in_a_user_namespace(self):
        folder = self.folder()
        self.rategated(folder)
        check = [harness.BIN_DIR / "rategate", "--socket", f"{folder}/rategate.sock", "check", "api"]
        done = finish(*in_user_namespace(*check))
        self.assertEqual(done.returncode, 3, "its group 10001 is the host's 210001")
        self.assertIn("Permission denied", done.stderr)
        done = finish(*in_user_namespace(*check, gid_map=OPEN))
        self.assertIn("allowed", done.stdout, done.stderr)
        calls = [BUILD / "bin/client_calls", f"{folder}/rategate.sock", "1000"]
        done = finish(*in_user_namespace(*calls, gid_map=OPEN))
        self.assertEqual(done.returncode, 0, done.stderr)
        with harness.Conn(f"{folder}/rategate.sock") as conn:
            self.assertGreater(permits_in_place(conn), 500, "it shares memory as well")

    def test_whom_the_daemon_sees(self):
        """By the kernel's word, in its own numbers; 65534 is who has none there."""
        def seen(daemon, *prefix):
            ask = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                   "s.sendall(b'CLIENT LIST\\r\\n'); print(s.recv(4096).decode())")
            done = finish(*prefix, "/usr/bin/python3", "-c", ask, daemon.socket)
            self.assertEqual(done.returncode, 0, done.stderr)
            return re.search(r" uid=(\d+) ", done.stdout).group(1)

        socket = os.path.join(self.folder(), "rg.sock")
        daemon = self.daemon(server={"socket_mode": "0666"}, socket_path=socket)
        self.assertEqual(seen(daemon), "0")
        self.assertEqual(seen(daemon, *in_user_namespace()), "220001")
        own = "0:0:1,1:200000:65535"
        folder = self.tmp()
        os.chmod(folder, 0o755)
        inside = self.daemon(
            server={"socket_mode": "0666"}, socket_path=os.path.join(folder, "rg.sock"),
            command_prefix=in_user_namespace(uid_map=own, gid_map=own, uid=0, gids=(0,)))
        self.assertEqual(seen(inside), "0")
        self.assertEqual(seen(inside, "setpriv", "--reuid=7", "--regid=7", "--clear-groups"), "65534")

    def test_a_caller_in_a_time_namespace_uses_the_socket(self):
        daemon = self.daemon(limits={})
        calls = [f"{BUILD}/bin/client_calls", daemon.socket, "200"]
        away = ["unshare", "--user", "--map-root-user", "--time", "--fork",
                "--kill-child=KILL", "--monotonic", "86400", "--boottime", "86400"]
        done = finish(*away, *calls)
        self.assertEqual(done.returncode, 0, done.stderr)
        with daemon.conn() as conn:
            self.assertEqual(permits_in_place(conn), 0)
        daemon = self.daemon(limits={})  # whose limits nobody has asked for yet
        self.assertEqual(finish(calls[0], daemon.socket, "200").returncode, 0)
        with daemon.conn() as conn:
            self.assertGreater(permits_in_place(conn), 100)

    def test_a_caller_in_a_system_of_its_own(self):
        """systemd-nspawn, and with users of its own (-U)."""
        folder = self.folder()
        self.rategated(folder)
        nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe",
                  "--private-network", "--read-only", f"--directory={os.environ['RATEGATE_BASE']}",
                  f"--bind-ro={folder}:/run/rategate", f"--bind-ro={BUILD}:/mnt",
                  "--setenv=LD_LIBRARY_PATH=/mnt/lib"]
        check = ["/mnt/bin/rategate", "check", "api"]
        done = finish(*nspawn, *check)
        self.assertIn("allowed", done.stdout, done.stderr)
        done = finish(*nspawn, "--private-users=300000:65536", "--private-users-ownership=off", *check)
        self.assertEqual(done.returncode, 3, "its root is the host's 300000")
        self.assertIn("Permission denied", done.stderr)


class Manifests(Case):
    def test_schema(self):
        files = sorted(map(str, manifest.FOLDER.glob("*.yaml")))
        self.assertEqual(len(files), 2)
        for version in ("1.29.0", "1.37.0"):
            subprocess.run([SCHEMA, "--strict", "--quiet", "-k", version, *files], check=True)

    def test_the_image_is_this_version(self):
        version = (harness.SOURCE_DIR / "VERSION").read_text(encoding="utf-8").strip()
        for file in manifest.FOLDER.glob("*.yaml"):
            for line in file.read_text(encoding="utf-8").splitlines():
                if " image: " in line:
                    self.assertEqual(line.split()[-1], f"rategate:{version}", file)

    def start(self, name):
        """The pod, its Redis at hand, and the environment of its daemon."""
        redis = self.redis(tcp=True, password="s3cret")
        pod = manifest.Pod(name, self.tmp())
        config = pod.folder / "config/rategate.toml"
        text = config.read_text(encoding="utf-8")
        host = next(line for line in text.splitlines() if line.startswith("host = "))
        config.write_text(text.replace(host, f'host = "127.0.0.1"\nport = {redis.port}'),
                          encoding="utf-8")
        os.chmod(pod.folder, 0o755)
        return pod

    def run_daemon(self, pod, name="rategated"):
        options, words = pod.options(name, {"REDIS_PASSWORD": "s3cret"})
        daemon = self.container(*words, options=options)
        for probe in ("startupProbe", "livenessProbe"):
            command = pod.container(name)[probe]["exec"]["command"]
            harness.wait_until(lambda: daemon.exec(*command, check=False).returncode == 0,
                               pod.container(name)["startupProbe"]["failureThreshold"], probe)
        return daemon

    def test_daemon_set(self):
        pod = self.start("daemonset.yaml")
        options, words = pod.options("folder", {})
        run(*words, options=options)
        daemon = self.run_daemon(pod)
        info = daemon.exec("rategate", "info").stdout
        self.assertIn("store_status:up", info)
        mount = ["--volume", f"{pod.folder}/run:/run/rategate:ro", "--user", "20001:20001"]
        self.assertIn("allowed", ask("check", "api", options=[*mount, "--group-add", USER]).stdout)
        # Another limit, by the signal that the page tells of.
        config = pod.folder / "config/rategate.toml"
        config.write_text(config.read_text(encoding="utf-8") + 'more = "7/min"\n', encoding="utf-8")
        daemon.exec("sh", "-c", "kill -HUP 1")
        harness.wait_until(lambda: "more" in daemon.exec("rategate", "limits").stdout, 10, "a reload")

    def test_sidecar(self):
        pod = self.start("sidecar.yaml")
        self.run_daemon(pod)
        options, words = pod.options("app", {})
        app = self.container(*words, options=options)
        harness.wait_until(lambda: "allowed" in app.log(), 15, "a check of the program's")
        self.assertEqual(app.exec("id", "-u").stdout.strip(), "20001")


class Page(Case):
    def test_what_it_shows_stands_in_the_manifest(self):
        page = (harness.SOURCE_DIR / "docs/containers.md").read_text(encoding="utf-8")
        for file in manifest.FOLDER.glob("*.yaml"):
            self.assertIn(f"packaging/kubernetes/{file.name}", page)
        self.assertIn(str(USER), page)


def main():
    with podman.storage():
        podman.build()
        harness.main()


if __name__ == "__main__":
    main()
