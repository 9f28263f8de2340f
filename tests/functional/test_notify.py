"""What the daemon tells its service manager, and what it takes from it."""

import os
import re
import signal
import socket
import time

import harness


class Notify(harness.Case):
    def messages(self, daemon, field):
        return [fields for _, fields in daemon.notify.messages if field in fields]

    def test_ready_when_it_serves(self):
        daemon = self.daemon(self.redis(), ready=False)
        daemon.wait_ready()
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.assertEqual(len(self.messages(daemon, "READY")), 1)
        self.assertTrue(daemon.notify.status())

    def test_not_ready_while_the_store_may_still_answer(self):
        server = self.redis()
        between = self.proxy(server)
        between.hold_requests()
        daemon = self.daemon(between, ready=False, redis_settings={"command_timeout": "5s",
                                                                   "connect_timeout": "5s"})
        harness.wait_until(between.held_requests, 10, "its greeting")
        self.assertEqual(self.messages(daemon, "READY"), [])
        between.release()
        daemon.wait_ready(4)
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)

    def test_ready_by_policy_says_so(self):
        server = self.redis()
        server.kill9()
        daemon = self.daemon(server)
        self.assertIn("on_store_down", daemon.notify.status())
        server.start()
        daemon.notify.wait(lambda f: "STATUS" in f and "on_store_down" not in f["STATUS"],
                           what="a STATUS without the policy")

    def test_reloading_has_its_time_and_ends_with_ready(self):
        daemon = self.daemon()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        daemon.reload()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        kinds = [kind for _, fields in daemon.notify.messages
                 for kind in ("READY", "RELOADING") if kind in fields]
        self.assertEqual(kinds, ["READY", "RELOADING", "READY"])
        usec = int(self.messages(daemon, "RELOADING")[0]["MONOTONIC_USEC"])
        self.assertTrue(before <= usec <= after, (before, usec, after))

    def test_stopping(self):
        daemon = self.daemon()
        daemon.terminate()
        daemon.notify.wait(lambda f: f.get("STOPPING") == "1", what="STOPPING=1")
        self.assertEqual(len(self.messages(daemon, "STOPPING")), 1)

    def test_watchdog_comes_in_time_and_from_the_loop(self):
        daemon = self.daemon(self.redis(), watchdog_ms=2000)  # it comes at half of that
        for _ in range(2):
            since = daemon.notify.count()
            daemon.notify.wait(lambda f: f.get("WATCHDOG") == "1", 2 / harness.SLOW, "WATCHDOG=1",
                               since=since)

    def test_a_stuck_loop_sends_no_watchdog(self):
        daemon = self.daemon(watchdog_ms=200)
        daemon.notify.wait(lambda f: f.get("WATCHDOG") == "1", what="WATCHDOG=1")
        daemon.stop()
        harness.wait_until(lambda: daemon.proc_status("State").startswith("T"), 5, "the stop")
        with self.assertRaises(AssertionError):
            daemon.notify.wait(lambda f: f.get("WATCHDOG") == "1", 1.0 / harness.SLOW,
                               "WATCHDOG=1", since=daemon.notify.barrier())
        daemon.cont()
        daemon.notify.wait(lambda f: f.get("WATCHDOG") == "1", what="WATCHDOG=1",
                           since=daemon.notify.count())

    def test_no_watchdog_unless_it_is_asked_for(self):
        daemon = self.daemon()
        for _ in range(20):
            daemon.check("api")
        daemon.terminate()
        self.assertEqual(self.messages(daemon, "WATCHDOG"), [])

    def switches(self, daemon):
        return sum(int(daemon.proc_status(kind)) for kind in
                   ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))

    def test_an_idle_daemon_sleeps(self):
        """Once what a check left behind is over, nothing wakes it, and it asks nothing of Redis."""
        server = self.redis()
        daemon = self.daemon(server, limits={"api": "5/1s"})
        with daemon.conn() as conn:
            self.assertEqual([conn.check("api").allowed for _ in range(6)][0], 1)
            self.assertEqual(conn.command("PING"), "PONG")
            quiet = [time.monotonic(), self.switches(daemon)]

            def slept():
                now, count = time.monotonic(), self.switches(daemon)
                if count != quiet[1]:
                    quiet[:] = [now, count]
                return now - quiet[0] > 3
            harness.wait_until(slept, 10, "three seconds without a wake-up")
            calls = server.db.info("stats")["total_commands_processed"]
            harness.wait_until(lambda: time.monotonic() - quiet[0] > 4, 5, "one more")
            self.assertEqual(quiet[1], self.switches(daemon))
            now = server.db.info("stats")["total_commands_processed"]
            self.assertEqual(now - calls, 1)  # the question itself

    def test_nobody_listens_to_its_notifications(self):
        daemon = self.daemon(env_more={"NOTIFY_SOCKET": "/nowhere/notify"}, ready=False)
        harness.wait_until(lambda: os.path.exists(daemon.socket), 10, "its socket")
        self.assertEqual(daemon.check("api").allowed, 1)
        daemon.terminate()

    def test_a_manager_that_never_reads_does_not_hold_it(self):
        path = self.tmp() + "/full"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
            full.bind(path)
            daemon = self.daemon(env_more={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000"},
                                 ready=False)
            harness.wait_until(lambda: os.path.exists(daemon.socket), 10, "its socket")
            with daemon.conn() as conn:
                for _ in range(1000):
                    self.assertEqual(conn.command("PING"), "PONG")
            # A READY that ends a reload is worth a short wait to the daemon, but no more than that.
            daemon.signal(signal.SIGHUP)
            harness.wait_until(lambda: daemon.check("api").allowed, 5, "a permit")
            daemon.terminate()


class Activation(harness.Case):
    def test_by_systemd_socket_activate(self):
        path = self.tmp() + "/activated.sock"
        activate = ["systemd-socket-activate", "-l", path, "-E", "NOTIFY_SOCKET",
                    *(a for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
                      if name in os.environ or name == "ASAN_OPTIONS" for a in ("-E", name)), "--"]
        daemon = self.daemon(self.redis(), command_prefix=activate, ready=False)

        def connected():
            try:
                return harness.Conn(path)
            except (FileNotFoundError, ConnectionRefusedError):
                return None
        # The first connection has the daemon started; it waits until that accepts it.
        with harness.wait_until(connected, 10, "systemd's socket") as conn:
            self.assertEqual(conn.check("api").allowed, 1)
        self.assertFalse(os.path.exists(daemon.socket), "it made a socket of its own as well")
        daemon.terminate()
        self.assertTrue(os.path.exists(path), "the socket is systemd's")

    def test_a_descriptor_that_is_no_socket(self):
        with open("/dev/null", "rb") as null:
            # LISTEN_PID must be the daemon's own: a shell takes its place by exec.
            command = ["sh", "-c", f'exec 3<&{null.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"',
                       "sh"]
            daemon = self.daemon(command_prefix=command, ready=False, pass_fds=(null.fileno(),))
            self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertTrue(re.search("descriptor 3.*socket", daemon.log_text()), daemon.log_text())


if __name__ == "__main__":
    harness.main()
