"""The log: what is said, how, and what never is."""

import fcntl
import json
import os
import signal
import subprocess
import threading

import harness


class Log(harness.Case):
    def live(self, daemon):
        """A start, some checks of a key, a reload, an end."""
        with daemon.conn() as conn:
            conn.check("api", "customer-4711")
            conn.command("CHECK", "nowhere", "customer-4711")
            conn.command("AUTH", "hunter2")
        daemon.reload()
        daemon.terminate()

    def test_no_key_and_no_password_at_info(self):
        server = self.redis(password="s3cret")
        daemon = self.daemon(server, log_settings={"level": "info"},
                             redis_settings={"password": "s3cret"})
        self.live(daemon)
        text = daemon.log_text()
        self.assertIn("ready", text)
        for secret in ("customer-4711", "s3cret", "hunter2"):
            self.assertNotIn(secret, text)

    def test_no_password_at_debug_either(self):
        server = self.redis(password="s3cret")
        daemon = self.daemon(server, redis_settings={"password": "s3cret"})
        self.live(daemon)
        for secret in ("s3cret", "hunter2"):
            self.assertNotIn(secret, daemon.log_text())
        shown = subprocess.run(
            [harness.DAEMON, "--print-config", "--config", daemon.config], capture_output=True,
            text=True, check=False, env=harness.clean_environ(REDIS_HOST="h", REDIS_PASSWORD="pw1"))
        self.assertNotIn("s3cret", shown.stdout)
        self.assertNotIn("pw1", shown.stdout)

    def test_json_is_json(self):
        server = self.redis()
        daemon = self.daemon(server, log_settings={"format": "json"})
        server.kill9()
        harness.wait_until(lambda: daemon.check("api").reason == harness.STORE_AWAY, 5, "the fault")
        self.live(daemon)
        events = [json.loads(line) for line in daemon.log_text().splitlines()]
        self.assertGreaterEqual(len(events), 4)
        names = {event["event"] for event in events}
        self.assertLessEqual({"ready", "store_up", "store_away", "reloaded", "stopping"}, names)
        for event in events:
            self.assertLessEqual({"time", "level", "event", "message"}, set(event), event)

    def test_a_file_is_drained_at_exit_and_reopened(self):
        path = self.tmp() + "/rategated.log"
        daemon = self.daemon(log_settings={"target": "file:" + path})

        def said(name):
            with open(path, encoding="utf-8") as file:
                return name in file.read()
        harness.wait_until(lambda: os.path.exists(path) and said("ready"), 5, "the first lines")
        os.rename(path, path + ".1")
        daemon.reload()
        harness.wait_until(lambda: os.path.exists(path), 5, "the new file")
        daemon.terminate()
        self.assertTrue(said("stopped"))
        self.assertEqual(daemon.log_text(), "")

    def test_a_pipe_that_nobody_reads_does_not_hold_the_loop(self):
        server = self.redis()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        command = ["sh", "-c", f'exec "$@" 2>&{writer}', "sh"]
        daemon = self.daemon(server, command_prefix=command, pass_fds=(writer,))
        os.close(writer)
        with daemon.conn() as conn:
            for _ in range(100):  # more than the pipe holds
                daemon.reload()
                self.assertEqual(conn.check("api", "key", permits=1, period="1h").limit, 100)
        dropped = int(daemon.info("stats")["log_lines_dropped"])
        self.assertGreater(dropped, 0)
        # Once there is room again, the log says how much is missing.
        text = [os.read(reader, 1 << 16).decode()]

        def drain():
            while True:
                data = os.read(reader, 1 << 16)
                if not data:
                    return
                text.append(data.decode())
        thread = threading.Thread(target=drain, daemon=True)
        thread.start()
        daemon.reload()
        harness.wait_until(lambda: "missing" in "".join(text) or "dropped" in "".join(text), 5,
                           "a line about those that are missing")
        daemon.terminate()
        thread.join(5)

    def test_a_pipe_whose_reader_has_gone(self):
        reader, writer = os.pipe()
        command = ["sh", "-c", f'exec "$@" 2>&{writer}', "sh"]
        daemon = self.daemon(command_prefix=command, pass_fds=(writer,))
        os.close(writer)
        os.close(reader)
        daemon.reload()
        self.assertEqual(daemon.check("api").allowed, 1)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(5), 0)

    def test_no_journal_is_an_error_that_says_so(self):
        if os.path.exists("/run/systemd/journal/socket"):
            daemon = self.daemon(log_settings={"target": "journal"})
            self.assertEqual(daemon.check("api").allowed, 1)
            return
        daemon = self.daemon(log_settings={"target": "journal"}, ready=False)
        self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertIn("journal", daemon.log_text())


if __name__ == "__main__":
    harness.main()
