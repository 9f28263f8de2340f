"""Two hosts on a network of their own, of which the far one can vanish: no packet reaches it any more,
and nobody is told."""

import os
import subprocess

from support import env

_ALONE = ["unshare", "--net", "--", "sh", "-c", "echo && exec sleep infinity"]
_FAR_LINK = "02:00:00:00:00:02"


class Network:
    """near, far: words to be put before a command that is to run there; near_ip, far_ip: where."""

    near_ip, far_ip = "10.99.0.1", "10.99.0.2"

    def __init__(self):
        self._holders = []
        own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
        enter = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        try:
            self.near = self._namespace([_ALONE[0], *own_user, *_ALONE[1:]], enter)
            self.far = self._namespace([*self.near, *_ALONE], enter)
            self._run(self.near, "ip", "link", "add", "near", "type", "veth", "peer", "name", "far",
                      "address", _FAR_LINK, "netns", self._holders[1].pid)
            for end, name, ip in ((self.near, "near", self.near_ip), (self.far, "far", self.far_ip)):
                self._run(end, "ip", "address", "add", f"{ip}/24", "dev", name)
                self._run(end, "ip", "link", "set", name, "up")
                self._run(end, "ip", "link", "set", "lo", "up")
            # Else the near one would learn from the silence on who has that address.
            self._run(self.near, "ip", "neighbour", "replace", self.far_ip, "lladdr", _FAR_LINK, "dev",
                      "near", "nud", "permanent")
        except BaseException:
            self.close()
            raise

    def _namespace(self, command, enter):
        holder = subprocess.Popen(env.tied(command), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE)
        self._holders.append(holder)
        if holder.stdout.read(1) != b"\n":
            raise AssertionError("a network namespace cannot be made here")
        return ["nsenter", "--target", str(holder.pid), *enter, "--net", "--"]

    @staticmethod
    def _run(end, *words):
        done = subprocess.run([*end, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stderr}")
        return done.stdout

    def vanish(self):
        """The far one: its connections stay, and know of nothing."""
        self._run(self.far, "ip", "address", "del", f"{self.far_ip}/24", "dev", "far")

    def come_back(self):
        self._run(self.far, "ip", "address", "add", f"{self.far_ip}/24", "dev", "far")

    def mute(self, end):
        """Nothing leaves any more from that end, "near" or "far", for the other one."""
        self._route("add", end)

    def unmute(self, end):
        self._route("del", end)

    def forget(self, port):
        """Of the near one's connection from that port nothing arrives any more, at either end."""
        self._run(self.near, "ip", "rule", "add", "to", self.far_ip, "ipproto", "tcp", "sport", port,
                  "blackhole")
        self._run(self.far, "ip", "rule", "add", "to", self.near_ip, "ipproto", "tcp", "dport", port,
                  "blackhole")

    def _route(self, what, end):
        here, there = {"near": (self.near, self.far_ip), "far": (self.far, self.near_ip)}[end]
        self._run(here, "ip", "route", what, "blackhole", f"{there}/32")

    def close(self):
        for holder in reversed(self._holders):
            holder.kill()
            holder.wait()
            holder.stdout.close()
