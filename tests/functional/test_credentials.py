"""The password of the daemon's user: a rotated one is taken up without a restart and without a check
that is refused, from the configuration, a file or a command, and what the store says of it is said."""

import os
import re
import threading

import harness

HOUR_LIMIT = {"api": {"limit": 1_000_000_000, "period": "1h", "mode": "exact"}}


class Credentials(harness.Case):
    def setUp(self):
        self.server = self.redis()
        self.folder = self.tmp()
        self.user()

    def user(self, *passwords, name="app"):
        """That user, with just these passwords."""
        words = [">" + password for password in passwords or ["one"]]
        self.server.db.execute_command("ACL", "SETUSER", name, "reset", "on", "~*", "+@all", *words)

    def clients(self):
        """The id of each connection of the user's."""
        lines = self.server.db.client_list()
        return [line["id"] for line in lines if line["user"] == "app"]

    def connected(self):
        """The same, once there is one: a daemon that could not reach the server at once is ready, too."""
        return harness.wait_until(self.clients, 10, "a connection")

    def wait_old(self):
        """Until its connection is one that has been of use: it is made again at once. Ages are whole
        seconds of a clock that the server looks at now and then."""
        harness.wait_until(lambda: any(int(line["age"]) > 2 for line in self.server.db.client_list()
                                       if line["user"] == "app"), 10, "a connection of some seconds")

    def cut(self):
        """Its connections are closed, as a failing network would."""
        for number in self.clients():
            self.server.db.execute_command("CLIENT", "KILL", "ID", number)

    def write(self, text, name="secret", mode=0o600):
        """Puts a file in the place of another, as a whole."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def rategated(self, **settings):
        more = settings.pop("daemon", {})
        way = settings.pop("way", self.server)
        redis_settings = {"username": "app", "backoff_min": "20ms", "backoff_max": "200ms", **settings}
        return self.daemon(way, limits=HOUR_LIMIT, redis_settings=redis_settings, **more)

    def with_file(self, **settings):
        return self.rategated(password_file=self.write("one\n"), **settings)

    def counts(self, daemon):
        self.wait_up(daemon)
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)

    def wait_up(self, daemon):
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "up", 10, "the store")

    def wait_error(self, daemon, words, field="store_error"):
        harness.wait_until(lambda: words in daemon.info("store")[field], 10,
                           f"{words!r} in INFO's {field}")

    def is_told(self, daemon, words):
        """The store is away, and log, INFO and STATUS say why."""
        self.wait_error(daemon, words)
        self.assertEqual(daemon.info("store")["store_status"], "away")
        harness.wait_until(lambda: re.search(f"(store_away|password_unused): .*{re.escape(words)}",
                                                     daemon.log_text()), 10,
                           f"{words!r} in the log")
        daemon.notify.wait_status(words)

    def logged(self, daemon, event):
        return daemon.log_text().count(f" {event}: ")

    def wait_renewed(self, daemon, times=1):
        harness.wait_until(lambda: self.logged(daemon, "password_renewed") >= times, 15,
                           f"password_renewed in the log, {times} times")


class Asking(threading.Thread):
    """Checks without a pause, each of which needs the store, until it is ended; counts the reasons.
    It begins when the store is there: a daemon is ready before that where its start took long."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "up", 10, "the store")
        self.reasons = {}
        self._ended = threading.Event()
        self._conn = daemon.conn()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()
        self._conn.close()

    def run(self):
        while not self._ended.is_set():
            reason = self._conn.check("api").reason
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


class InPlace(Credentials):
    """On a connection that is in use: it stays, whatever the answer is."""

    def is_rotated(self, daemon, rotate, times=1):
        """All checks meanwhile were counted, over one connection."""
        before = self.connected()
        with Asking(daemon) as asking:
            harness.wait_until(lambda: sum(asking.reasons.values()) > 100, 10, "some checks")
            rotate()
            self.wait_renewed(daemon, times)
            done = sum(asking.reasons.values())
            harness.wait_until(lambda: sum(asking.reasons.values()) > done + 100, 10, "more checks")
        self.assertEqual(set(asking.reasons), {harness.COUNTED})
        self.assertEqual(self.clients(), before)
        self.assertEqual(daemon.info("store")["store_reconnects"], "0")
        self.assertEqual(daemon.info("store")["store_password_error"], "")

    def test_a_file_that_changed_at_a_reload(self):
        daemon = self.with_file()

        def rotate():
            self.user("two")
            self.write("two\n")
            daemon.reload()
        self.is_rotated(daemon, rotate)
        self.cut()
        self.wait_up(daemon)
        self.counts(daemon)
        for word in ("one", "two"):
            self.assertNotIn(f"'{word}'", daemon.log_text())

    def test_the_configuration_that_changed_at_a_reload(self):
        daemon = self.rategated(password="one")

        def rotate():
            self.user("two")
            daemon.tables["redis"]["password"] = "two"
            daemon.write_config()
            daemon.reload()
        self.is_rotated(daemon, rotate)
        self.assertNotIn("reload_needs_restart", daemon.log_text())

    def test_another_user(self):
        daemon = self.rategated(password="one")
        self.user("one", name="other")
        daemon.tables["redis"]["username"] = "other"
        daemon.write_config()
        daemon.reload()
        self.wait_renewed(daemon)
        self.assertEqual(self.clients(), [])
        self.counts(daemon)

    def test_a_password_where_there_was_none(self):
        daemon = self.rategated(username="")
        daemon.tables["redis"].update(username="app", password="one")
        daemon.write_config()
        daemon.reload()
        self.wait_renewed(daemon)
        self.server.db.execute_command("CLIENT", "KILL", "ID", self.clients()[0])
        harness.wait_until(self.clients, 10, "a connection of the user's")
        self.counts(daemon)

    def test_a_reload_that_changes_nothing_asks_nothing(self):
        daemon = self.with_file()
        self.server.db.config_resetstat()
        daemon.reload()
        self.counts(daemon)
        self.assertNotIn("cmdstat_auth", self.server.db.info("commandstats"))

    def test_a_wrong_one_is_told_and_the_connection_stays(self):
        daemon = self.with_file()
        before = self.connected()
        self.write("wrong\n")
        daemon.reload()
        self.wait_error(daemon, "WRONGPASS", "store_password_error")
        self.assertIn("WRONGPASS", daemon.wait_log(" password_unused: "))
        daemon.notify.wait_status("the newest password is not in use: WRONGPASS")
        for _ in range(20):
            self.counts(daemon)
        self.assertEqual(self.clients(), before)
        self.assertEqual(daemon.info("store")["store_status"], "up")
        self.assertNotIn("wrong", daemon.log_text())
        self.write("one\n")
        daemon.reload()
        self.wait_renewed(daemon)
        self.assertEqual(daemon.info("store")["store_password_error"], "")

    def test_a_file_that_is_read_again_by_reauth(self):
        daemon = self.with_file(reauth="1s")

        def rotate():
            self.user("two")
            self.write("two\n")
        rotate()
        harness.wait_until(lambda: self.logged(daemon, "password_renewed") >= 2, 10, "a renewal")
        self.assertEqual(daemon.info("store")["store_reconnects"], "0")
        self.cut()
        self.wait_up(daemon)
        self.counts(daemon)


class AtTheGreeting(Credentials):
    def test_a_file_that_changed_without_a_reload(self):
        daemon = self.with_file()
        self.user("two")
        self.write("two\n")
        before = self.connected()
        self.wait_old()
        with Asking(daemon) as asking:
            self.cut()
            harness.wait_until(lambda: self.clients() not in ([], before), 10, "another connection")
            done = sum(asking.reasons.values())
            harness.wait_until(lambda: sum(asking.reasons.values()) > done + 100, 10, "more checks")
        self.assertEqual(set(asking.reasons), {harness.COUNTED})

    def test_a_wrong_one_until_the_file_has_another(self):
        daemon = self.with_file()
        self.user("two")
        self.cut()
        self.is_told(daemon, "WRONGPASS")
        self.assertNotIn("closed", daemon.info("store")["store_error"])
        self.write("two\n")
        self.wait_up(daemon)
        self.counts(daemon)

    def test_a_file_that_changes_while_the_old_one_is_being_refused(self):
        """It is tried at once, long before the back-off is over; and not again and again."""
        way = self.proxy(self.server)
        daemon = self.with_file(way=way, command_timeout="10s", backoff_min="30s", backoff_max="30s")
        self.wait_old()
        self.user("two")
        way.hold_replies()
        way.cut()
        harness.wait_until(way.held_replies, 10, "a refusal on its way")
        self.write("two\n")
        way.release()
        self.wait_up(daemon)
        self.counts(daemon)
        self.assertLess(int(daemon.info("store")["store_reconnects"]), 4)

    def test_a_file_that_is_gone_leaves_what_it_had(self):
        daemon = self.with_file()
        path = os.path.join(self.folder, "secret")
        os.rename(path, path + ".away")
        self.cut()
        self.wait_error(daemon, f"password_file in [redis]: {path} does not exist",
                        "store_password_error")
        self.wait_up(daemon)
        self.counts(daemon)
        os.rename(path + ".away", path)
        harness.wait_until(lambda: not daemon.info("store")["store_password_error"], 10, "the file")

    def test_a_deleted_user(self):
        daemon = self.with_file()
        self.server.db.execute_command("ACL", "DELUSER", "app")
        self.is_told(daemon, "WRONGPASS")
        self.assertNotIn("closed", daemon.info("store")["store_error"])
        self.user("one")
        self.wait_up(daemon)
        self.counts(daemon)

    def test_none_where_one_is_wanted(self):
        self.server.db.execute_command("ACL", "SETUSER", "default", "resetpass", ">x")
        self.addCleanup(self.server.db.close)
        daemon = self.rategated(username="")
        self.is_told(daemon, "NOAUTH")

    def test_a_server_that_repeats_what_it_was_asked(self):
        server = self.redis(args=["--rename-command", "AUTH", "LOGIN"])
        daemon = self.rategated(way=server, password="the-secret-that-is-sent")
        self.is_told(daemon, "AUTH: ERR unknown command")
        told = daemon.log_text() + str(daemon.info()) + daemon.notify.status()
        self.assertNotIn("secret", told)

    def test_a_right_that_is_missing(self):
        daemon = self.with_file()
        self.server.db.execute_command("ACL", "SETUSER", "app", "-time")
        self.cut()
        self.is_told(daemon, "NOPERM")


class Command(Credentials):
    """A program tells it: one line, and maybe for how long it is good."""

    def script(self, *lines):
        """Puts a program in the place of the last one; each run of it is noted in a file."""
        note = f"echo run >>{self.folder}/runs"
        return self.write("\n".join(["#!/bin/sh", note, *lines]) + "\n", "tell", 0o700)

    def runs(self):
        path = os.path.join(self.folder, "runs")
        if not os.path.exists(path):
            return 0
        with open(path, encoding="ascii") as file:
            return len(file.readlines())

    def with_command(self, *lines, arguments=(), **settings):
        return self.rategated(password_command=[self.script(*lines), *arguments], **settings)

    def test_its_first_line_is_the_password(self):
        self.user("one", "two words")
        for line in ("echo one", "printf one", "printf 'one\\r\\n'", "echo two words",
                     "echo one; echo expires-in 900", "echo one >/dev/stdout; echo why >&2"):
            daemon = self.with_command(line)
            self.counts(daemon)
            self.assertNotRegex(daemon.log_text(), r"\b(one|two words)\b")

    def test_it_is_no_shell_that_reads_its_arguments(self):
        self.user("$(echo one) *")
        self.counts(self.with_command('printf %s "$1"', arguments=["$(echo one) *"]))

    def test_it_inherits_nothing_but_its_output(self):
        """Nor a signal that is ignored."""
        daemon = self.with_command(f"ls -l /proc/self/fd | sed 's/.* -> //' >{self.folder}/fds",
                                   f"grep SigIgn /proc/self/status >{self.folder}/ignored", "echo one")
        self.counts(daemon)
        daemon.reload()
        harness.wait_until(lambda: self.runs() == 2, 10, "a run by the reload")
        self.wait_quiet(daemon)
        with open(os.path.join(self.folder, "fds"), encoding="utf-8") as file:
            inherited = [line for line in file.read().split() if "socket:" in line or "anon" in line]
        self.assertEqual(inherited, [])
        with open(os.path.join(self.folder, "ignored"), encoding="ascii") as file:
            self.assertEqual(int(file.read().split()[1], 16), 0)

    @staticmethod
    def wait_gone(pid):
        """It was killed, and a process that is dead but not collected has no root."""
        harness.wait_until(lambda: not os.path.exists(f"/proc/{pid}/root/"), 5, "the end of it")

    def wait_pid(self, name):
        """The process that a program wrote down: the file is there before its line is."""
        def written():
            try:
                with open(os.path.join(self.folder, name), encoding="ascii") as file:
                    line = file.read()
            except FileNotFoundError:
                return None
            return line if line.endswith("\n") else None
        return int(harness.wait_until(written, 10, f"a process in {name}"))

    def wait_quiet(self, daemon):
        """Until none of its programs runs."""
        def children():
            with open(f"/proc/{daemon.pid}/task/{daemon.pid}/children", encoding="ascii") as file:
                return file.read().split()
        harness.wait_until(lambda: not children(), 10, "the end of its programs")

    def test_renewed_before_it_expires(self):
        daemon = self.with_command("echo one; echo expires-in 1",
                                   command_timeout="2s")  # a busy machine is no refusal
        before = self.connected()
        with Asking(daemon) as asking:
            self.wait_renewed(daemon, 4)
        self.assertEqual(set(asking.reasons), {harness.COUNTED})
        self.assertEqual(self.clients(), before)

    def test_renewed_by_reauth_where_it_does_not_say(self):
        daemon = self.with_command("echo one", reauth="1s")
        self.wait_renewed(daemon, 2)
        self.assertEqual(daemon.info("store")["store_reconnects"], "0")

    def test_a_token_that_changes_each_time(self):
        """The server takes none but the newest, as if each of them expired."""
        socket = self.server.socket
        daemon = self.with_command(
            "token=$(cat /proc/sys/kernel/random/uuid)",
            f'redis-cli -s {socket} ACL SETUSER app resetpass ">$token" >/dev/null',
            "echo $token; echo expires-in 1", command_timeout="2s")  # a busy machine is no refusal
        before = self.connected()
        with Asking(daemon) as asking:
            self.wait_renewed(daemon, 3)
        self.assertEqual(set(asking.reasons), {harness.COUNTED})
        self.assertEqual(self.clients(), before)
        self.cut()
        self.wait_up(daemon)
        self.counts(daemon)

    def test_no_check_waits_for_it(self):
        daemon = self.with_command("test -e slow && sleep 3; touch slow; echo one; echo expires-in 1",
                                   command_timeout="2s")
        harness.wait_until(lambda: self.runs() == 2, 10, "a run that takes its time")
        with Asking(daemon) as asking:
            self.wait_renewed(daemon)
        self.assertEqual(set(asking.reasons), {harness.COUNTED})
        self.assertGreater(asking.reasons[harness.COUNTED], 1000)

    def test_refused_at_the_greeting_it_is_run_once_more_and_then_after_a_back_off(self):
        daemon = self.with_command(f"echo wrong$(wc -l <{self.folder}/runs)", backoff_min="1s", backoff_max="1s")
        self.is_told(daemon, "WRONGPASS")
        harness.wait_until(lambda: self.runs() == 2, 10, "a second run")
        self.assertNotIn("wrong", daemon.log_text().lower().replace("wrongpass", ""))
        self.script("echo one")
        self.wait_up(daemon)
        self.counts(daemon)

    def test_another_one_at_the_first_refusal(self):
        daemon = self.with_command("echo one", backoff_min="10s", backoff_max="10s")
        self.script("echo two")
        self.user("two")
        self.cut()
        self.wait_up(daemon)
        self.counts(daemon)

    def fails(self, words, *lines):
        daemon = self.with_command(*lines)
        self.is_told(daemon, "password_command in [redis]: " + words)
        self.assertNotIn("hunter2", daemon.log_text())
        self.assertNotIn("hunter2", daemon.notify.status() + daemon.info("store")["store_error"])
        self.script("echo one")
        self.wait_up(daemon)
        self.counts(daemon)

    def test_a_failure_is_told_with_the_first_line_of_what_it_says_of_it(self):
        self.fails("ended with 3: no token today", "echo hunter2", "echo no token today >&2",
                   "echo more >&2; exit 3")

    def test_what_is_no_password(self):
        self.fails("expected a password in its first line", "echo")
        self.fails("expected nothing but expires-in and seconds", "echo hunter2; echo hunter2")

    def test_too_much_of_it(self):
        self.fails("wrote more than 64 KiB", "yes hunter2")

    def test_one_that_complains_without_end_is_read_on(self):
        self.counts(self.with_command("head -c 1000000 /dev/zero >&2", "echo one"))

    def test_a_signal(self):
        self.fails("was ended by signal 15", "kill $$")

    def test_one_that_takes_too_long_is_killed_with_what_it_started(self):
        daemon = self.with_command(f"sleep 1000 & echo $! >{self.folder}/child; sleep 1000")
        self.wait_error(daemon, "password_command has not ended")
        self.wait_error(daemon, "did not end within 5 s")
        self.wait_gone(self.wait_pid("child"))

    def test_one_that_leaves_somebody_who_holds_its_output(self):
        self.fails("ended, and what it had started did not close its output within 5 s",
                   "sleep 1000 &", "echo hunter2")

    def test_a_command_in_the_place_of_another(self):
        daemon = self.with_command("echo one")
        self.user("two")
        self.script("echo two")
        daemon.reload()
        self.wait_renewed(daemon)
        self.assertEqual(daemon.info("store")["store_reconnects"], "0")

    def test_a_daemon_that_stops_ends_it(self):
        daemon = self.with_command(f"echo $$ >{self.folder}/pid; exec sleep 1000", daemon={"ready": False})
        pid = self.wait_pid("pid")
        daemon.terminate()
        self.wait_gone(pid)


if __name__ == "__main__":
    harness.main()
