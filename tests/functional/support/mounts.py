"""Files in the place of the system's, for the programs of a test alone."""

import os
import shutil

from support import env


class Mounts:
    """write(name, text) makes a file, or changes one that is in its place already."""

    def __init__(self):
        self.dir = env.make_dir()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def binding(self, places):
        """Words before a command, for which each of these files is found at its place."""
        return self._mounting([f"mount --bind {self._made(name)} {place}"
                               for name, place in places.items()])

    def small_disk(self, place, kib):
        """Words before a command that finds an empty disk of that size there."""
        os.mkdir(self.path(place))
        return self._mounting([f"mount -t tmpfs -o size={kib}k none {self.path(place)}"])

    def hiding(self, place):
        """Words before a command that finds that folder empty."""
        return self._mounting([f"mount -t tmpfs none {place}"])

    def _made(self, name):
        if not os.path.exists(self.path(name)):
            self.write(name, "")
        return self.path(name)

    @staticmethod
    def _mounting(mounts):
        own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = " && ".join(mounts + ['exec "$@"'])
        return ["unshare", "--mount", *own_user, "--", "sh", "-c", script, "sh"]

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)
