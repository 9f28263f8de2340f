"""How it starts on a socket that is there already, and how it ends."""

import grp
import os
import select
import signal
import socket
import time

import harness


class Shutdown(harness.Case):
    def test_under_load_no_promised_answer_is_lost(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.redis()
            daemon = self.daemon(server, limits={"api": {"limit": "1000000/h", "mode": "exact"}},
                                 redis_settings={"command_timeout": "2s"})
            load = harness.Load(daemon, callers=8, pause=0)
            self.addCleanup(load.stop)
            harness.wait_until(lambda l=load: l.allowed() > 500, 20, "some load")
            began = time.monotonic()
            daemon.signal(number)
            self.assertEqual(daemon.wait_exit(5), 0)
            self.assertLess(time.monotonic() - began, 5)
            load.stop()
            self.assertFalse(os.path.exists(daemon.socket))
            # Every permit that Redis has counted was answered with "allowed", and no other.
            self.assertEqual(list(server.counters().values()), [load.allowed()])
            self.assertEqual([a for a in load.asked()
                              if a.error and not a.error.startswith("SHUTDOWN ")], [])

    def test_pipelined_requests_that_have_arrived_are_answered(self):
        server = self.redis()
        between = self.proxy(server)
        daemon = self.daemon(between, limits={"api": "1000/h"},
                             redis_settings={"command_timeout": "3s"})
        with daemon.conn() as conn:
            conn.check("api")
            between.hold_requests()
            conn.send(harness.encode("CHECK", "api") * 300 + harness.encode("PING"))
            harness.wait_until(between.held_requests, 5, "the reservation")
            daemon.signal(signal.SIGTERM)
            daemon.notify.wait(lambda f: f.get("STOPPING") == "1", what="STOPPING=1")
            between.release()
            replies = [conn.read() for _ in range(301)]
            self.assertEqual(sum(harness.decision(r).allowed for r in replies[:300]), 300)
            self.assertEqual(replies[300], "PONG")
            self.assertEqual(conn.rest_until_closed(), b"")
        self.assertEqual(daemon.wait_exit(5), 0)

    def test_waiting_checks_are_given_up_with_an_error(self):
        server = self.redis()
        between = self.proxy(server)
        daemon = self.daemon(between, limits={"api": {"limit": "100/1m", "mode": "exact"}},
                             redis_settings={"command_timeout": "10s"})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api").allowed, 1)
            between.hold_requests()
            conn.send(harness.encode("CHECK", "api") + harness.encode("PING"))
            harness.wait_until(between.held_requests, 5, "the reservation")
            began = time.monotonic()
            daemon.terminate(5)
            self.assertLess(time.monotonic() - began, 5 * harness.SLOW)
            self.assertRegex(str(conn.read()), "^SHUTDOWN ")
            self.assertEqual(conn.read(), "PONG")
            self.assertEqual(conn.rest_until_closed(), b"")

    def stubborn(self, daemon):
        """A client that does not read its answers."""
        conn = self.conn(daemon)
        conn.sock.setblocking(False)
        request = harness.encode("ECHO", "y" * 4000)
        while select.select([], [conn.sock], [], 0.2)[1]:
            try:
                conn.sock.send(request)
            except BlockingIOError:
                pass
        return conn

    def test_one_that_does_not_read_is_not_waited_for_for_ever(self):
        daemon = self.daemon()
        self.stubborn(daemon)
        began = time.monotonic()
        daemon.terminate(5)
        self.assertLess(time.monotonic() - began, 5 * harness.SLOW)

    def test_a_second_signal_ends_at_once(self):
        daemon = self.daemon()
        self.stubborn(daemon)
        daemon.signal(signal.SIGTERM)
        daemon.notify.wait(lambda f: f.get("STOPPING") == "1", what="STOPPING=1")
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        daemon.wait_exit(5)
        self.assertLess(time.monotonic() - began, 0.2 * harness.SLOW)

    def test_nobody_is_accepted_any_more(self):
        daemon = self.daemon()
        self.stubborn(daemon)
        daemon.signal(signal.SIGTERM)
        daemon.notify.wait(lambda f: f.get("STOPPING") == "1", what="STOPPING=1")

        def refused():
            try:
                daemon.conn().close()
            except (FileNotFoundError, ConnectionRefusedError):
                return True
            return False
        harness.wait_until(refused, 5, "the listener's end")
        self.assertEqual(daemon.wait_exit(6), 0)

    def test_while_redis_is_away(self):
        server = self.redis()
        daemon = self.daemon(server)
        server.kill9()
        daemon.terminate(5)

    def test_while_redis_does_not_answer(self):
        server = self.redis()
        daemon = self.daemon(server)
        self.assertEqual(daemon.check("api").allowed, 1)
        server.stop()
        began = time.monotonic()
        daemon.terminate(5)
        self.assertLess(time.monotonic() - began, 2 * harness.SLOW)


class SocketFile(harness.Case):
    def setUp(self):
        self.path = self.tmp() + "/rg.sock"

    def fails(self, **options):
        """Starts a daemon that must end by itself with an error; its log."""
        daemon = self.daemon(socket_path=self.path, ready=False, **options)
        self.assertNotEqual(daemon.wait_exit(10), 0)
        return daemon.log_text()

    def test_a_stale_one_is_replaced(self):
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(self.path)
        stale.close()
        daemon = self.daemon(socket_path=self.path)
        self.assertEqual(daemon.check("api").allowed, 1)

    def test_one_left_by_a_killed_daemon_is_replaced(self):
        first = self.daemon(socket_path=self.path)
        first.kill9()
        self.assertTrue(os.path.exists(self.path))
        self.assertEqual(self.daemon(socket_path=self.path).check("api").allowed, 1)

    def test_a_live_one_is_an_error_that_names_its_owner(self):
        first = self.daemon(socket_path=self.path)
        log = self.fails()
        self.assertIn(str(first.pid), log)
        self.assertIn(self.path, log)
        self.assertEqual(first.check("api").allowed, 1)

    def test_another_kind_of_file_is_left_alone(self):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("precious")
        self.assertIn(self.path, self.fails())
        with open(self.path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_only_its_own_is_removed(self):
        first = self.daemon(socket_path=self.path)
        os.unlink(self.path)
        second = self.daemon(socket_path=self.path)
        first.terminate()
        self.assertEqual(second.check("api").allowed, 1)

    def test_mode_and_group(self):
        daemon = self.daemon(socket_path=self.path, server={"socket_mode": "0600"})
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        daemon.terminate()
        if os.getuid() == 0:
            nogroup = grp.getgrnam("nogroup").gr_gid
            self.daemon(socket_path=self.path, server={"socket_group": "nogroup"})
            self.assertEqual(os.stat(self.path).st_gid, nogroup)
            self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o660)

    def test_a_group_by_number(self):
        # Root may give it to a group that has no name, anybody else to his own.
        number = 3999999999 if os.getuid() == 0 else os.getgid()
        self.daemon(socket_path=self.path, server={"socket_group": str(number)})
        self.assertEqual(os.stat(self.path).st_gid, number)

    def test_an_unknown_group_is_an_error(self):
        self.assertIn("nobody-has-this", self.fails(server={"socket_group": "nobody-has-this"}))


class Store(harness.Case):
    def test_without_a_store_it_refuses_and_names_the_choices(self):
        daemon = self.daemon(args=["--socket", "rg.sock", "--limit", "api=1/s"], ready=False)
        self.assertNotEqual(daemon.wait_exit(10), 0)
        for word in ("redis", "REDIS_HOST", "--redis", "--memory", "memory"):
            self.assertIn(word, daemon.log_text())

    def test_by_the_command_line_alone(self):
        daemon = self.daemon(args=["--socket", "rg.sock", "--memory", "--limit", "api=2/hour"])
        self.assertEqual([daemon.check("api").allowed for _ in range(3)], [1, 1, 0])

    def test_by_the_environment(self):
        server = self.redis(tcp=True)
        daemon = self.daemon(args=["--socket", "rg.sock", "--limit", "api=2/hour"],
                             env_more={"REDIS_HOST": "127.0.0.1", "REDIS_PORT": server.port,
                                       "REDIS_DB": 2})
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.assertEqual(server.client(db=2).dbsize(), 2)  # and the record


if __name__ == "__main__":
    harness.main()
