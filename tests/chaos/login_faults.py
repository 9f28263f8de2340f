"""What can happen to the daemons' user and its password."""

import os

from rows import Row


class Login:
    """Daemons that log in by a file."""

    def __init__(self, scene):
        self.redis = scene.redis()
        self._file = os.path.join(scene.folder(), "password")
        self.write(self.redis.user()["password"])
        scene.start(self.redis, redis_settings={"username": "rategate",
                                                "password_file": self._file})

    def write(self, password):
        with open(self._file + ".new", "w", encoding="ascii") as file:
            file.write(password + "\n")
        os.rename(self._file + ".new", self._file)


def rotated(scene):
    login = Login(scene)
    login.redis.user(password="next")
    login.write("next")
    for host in scene.hosts:
        host.daemon.reload()
    scene.lasts(0.5)
    login.redis.cut()
    scene.wait_shown()


def wrong(scene):
    login = Login(scene)
    login.redis.user(password="next")
    login.redis.cut()
    scene.wait_shown()
    scene.lasts(1)
    login.write("next")


def user_deleted(scene):
    login = Login(scene)
    login.redis.db.execute_command("ACL", "DELUSER", "rategate")
    scene.wait_shown()
    scene.lasts(1)
    login.redis.user()


def right_missing(scene):
    login = Login(scene)
    login.redis.user("-evalsha", "-eval")
    scene.wait_shown()
    scene.lasts(1)
    login.redis.user()


ROWS = [
    Row("password-rotated", rotated, "password_renewed", "store_reconnects", "[1-9]", reasons=()),
    Row("password-wrong", wrong, "store_away", "store_error", "WRONGPASS"),
    Row("user-deleted", user_deleted, "store_away", "store_error", "WRONGPASS"),
    Row("right-missing", right_missing, "store_refuses", "store_error", "NOPERM"),
]
