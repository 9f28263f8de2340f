"""Who may ask for what: every verb that is not for everybody, asked by who may and who may not."""

import os
import pwd
import re

import redis as redis_py

import harness
from support.other_user import told_as

# A question of each, which takes nothing and changes nothing that the others see.
QUESTIONS = {"clear": ("CLEAR", "api"), "reload": ("RELOAD",),
             "refund": ("REFUND", "api", "COST", "1", "AT", "1"),
             "settle": ("SETTLE", "api", "TOOK", "1", "USED", "1", "AT", "1")}
SETTINGS = {"@admin": "admin_users, admin_groups", "@trusted": "shm_users, shm_groups"}


class Permissions(harness.Case):
    """Children of other users ask; the test itself is root."""

    def start(self, **server):
        daemon = self.daemon(self.redis(), limits={"api": "10/h"},
                             server={"socket_mode": "0666", **server})
        os.chmod(daemon.dir, 0o755)
        return daemon

    def guarded(self, daemon):
        """The verbs that are not for everybody, as the daemon says: by the settings that say whom."""
        with daemon.conn() as conn:
            found = {row[0].decode(): set(map(str, row[6])) & set(SETTINGS)
                     for row in conn.command("COMMAND")}
        return {name: SETTINGS[kinds.pop()] for name, kinds in found.items() if kinds}

    @staticmethod
    def denied(name, settings):
        return f"DENIED {name.upper()} is not for this user ({settings})"

    def test_each_such_verb_has_a_question_here(self):
        self.assertEqual(set(self.guarded(self.start())), set(QUESTIONS))

    def test_root_may(self):
        daemon = self.start(shm_users="root")
        with daemon.conn() as conn:
            for name in self.guarded(daemon):
                self.assertNotIn("DENIED", str(conn.command(*QUESTIONS[name])), name)

    def test_an_ordinary_user_may_not(self):
        self.ask_as(self.start(shm_users="root"), 4321, 1234, may=())

    def test_who_is_named_may(self):
        self.ask_as(self.start(shm_users="4321"), 4321, 1234, may=(SETTINGS["@trusted"],))
        self.ask_as(self.start(shm_users="root", admin_groups="1234"), 4321, 1234,
                    may=(SETTINGS["@admin"],))

    def ask_as(self, daemon, uid, gid, may):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        for name, settings in self.guarded(daemon).items():
            told = told_as(lambda words=QUESTIONS[name]:
                           str(harness.Conn(daemon.socket).command(*words)), uid, gid)
            if settings in may:
                self.assertNotIn("DENIED", told, name)
            else:
                self.assertEqual(told, self.denied(name, settings))

    def test_nobody_over_tcp(self):
        daemon = self.start(tcp="127.0.0.1:0")
        port = int(re.search(r" tcp=\S*:(\d+) ", daemon.wait_log(" ready: ")).group(1))
        with redis_py.Redis(port=port) as client:
            for name, settings in self.guarded(daemon).items():
                with self.assertRaisesRegex(redis_py.ResponseError,
                                            re.escape(self.denied(name, settings))):
                    client.execute_command(*QUESTIONS[name])

    def test_nobody_is_root_by_his_group(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        daemon = self.start()
        told = told_as(lambda: str(harness.Conn(daemon.socket).command("RELOAD")), nobody, 0, [0])
        self.assertEqual(told, self.denied("reload", SETTINGS["@admin"]))


if __name__ == "__main__":
    harness.main()
