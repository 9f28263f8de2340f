#!/usr/bin/python3
"""Every example, run as it stands against a real daemon."""

import os
import pty
import re
import subprocess

from client_harness import BIN_DIR, EXAMPLES, Case, fresh_second, main


class Examples(Case):
    def lines(self, *words, daemon):
        fresh_second()  # so that what an example does at once falls into one window
        result = self.run_program(*words, daemon=daemon)
        self.assert_success(result)
        return result.stdout.splitlines()

    def assert_five_of_seven(self, lines, allowed, denied):
        kinds = ["allowed" if re.search(allowed, line) else
                 "denied" if re.search(denied, line) else line for line in lines[:7]]
        self.assertEqual(kinds, ["allowed"] * 5 + ["denied"] * 2, lines)

    def test_c(self):
        lines = self.lines(BIN_DIR / "example_check", daemon=self.daemon())
        self.assert_five_of_seven(lines, r": allowed$", r": denied, try again in \d+ ms$")
        self.assertEqual(lines[7:], ["the last one waited for its turn"])

    def test_cpp(self):
        lines = self.lines(BIN_DIR / "example_decorator", daemon=self.daemon())
        self.assert_five_of_seven(lines, r"^alice: mail \d$", r"over the limit, try again in \d+")
        self.assertEqual(lines[7:], ["the last one waited for its turn"])

    def test_shell(self):
        lines = self.lines(EXAMPLES / "check.sh", daemon=self.daemon())
        self.assert_five_of_seven(lines, r": sent$", r": too many")
        self.assertEqual(lines[7:], ["the last one waited for its turn"])

    def test_netcat(self):
        lines = self.lines(EXAMPLES / "netcat.sh", daemon=self.daemon())
        self.assert_five_of_seven(lines, r": allowed$", r": denied$")
        self.assertEqual(len(lines), 7)

    def test_without_a_daemon_each_fails(self):
        for words in ((BIN_DIR / "example_check",), (BIN_DIR / "example_decorator",),
                      (EXAMPLES / "check.sh",), (EXAMPLES / "netcat.sh",),
                      ("/usr/bin/python3", EXAMPLES / "recipe.py", 1),
                      (BIN_DIR / "rategate_demo",)):
            with self.subTest(words=words):
                result = self.run_program(*words, daemon=self.tmp() + "/none")
                self.assertNotEqual(result.returncode, 0)
                self.assertNotEqual(result.stderr, "")

    def test_python(self):
        redis = self.redis()
        daemon = self.daemon(redis)
        result = self.run_program("/usr/bin/python3", EXAMPLES / "recipe.py", 300, daemon=daemon)
        self.assert_success(result)
        counts = re.fullmatch(r"Success count = (\d+)\nFail count = (\d+)\n", result.stdout)
        success, fail = map(int, counts.groups())
        self.assertEqual(success + fail, 300)
        self.assertGreaterEqual(success, 100)
        self.assertGreater(fail, 0)
        # It counted where the recipe counts.
        self.assertTrue(all(re.fullmatch(r"rate-limit:\d+", key)
                            for key in redis.client().keys("*")))


class Demo(Case):
    def assert_held(self, text):
        success = int(re.search(r"^Success count: (\d+)$", text, re.M)[1])
        fail = int(re.search(r"^Fail count: (\d+)$", text, re.M)[1])
        self.assertEqual(success + fail, 2000)
        seconds = re.findall(r"^ +\d+: +(\d+)(  \(.*\))?$", text, re.M)
        full = [int(count) for count, note in seconds if "not a full second" not in note]
        self.assertGreaterEqual(len(full), 9)
        self.assertLessEqual(set(full), {99, 100})
        self.assertEqual(sum(int(count) for count, _ in seconds), success)

    def test_two_daemons_on_one_redis(self):
        redis = self.redis()
        first, second = self.daemon(redis), self.daemon(redis)
        result = self.run_program(BIN_DIR / "rategate_demo", first.socket, second.socket)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        self.assert_held(result.stdout)
        self.assertNotIn("\r", result.stdout)  # no progress line where there is no terminal
        for daemon in (first, second):
            self.assertGreaterEqual(int(daemon.info("stats")["checks"]), 1000)

    def test_one_daemon_with_the_embedded_store_and_a_progress_line(self):
        daemon = self.daemon()
        main_end, terminal = pty.openpty()
        with subprocess.Popen([BIN_DIR / "rategate_demo", daemon.socket], stdout=terminal,
                              stdin=subprocess.DEVNULL) as process:
            os.close(terminal)
            shown = b""
            while True:
                try:
                    shown += os.read(main_end, 4096)
                except OSError:  # EIO: the other end is closed
                    break
            os.close(main_end)
            self.assertEqual(process.wait(), 0, shown)
        self.assertGreater(len(re.findall(rb"\r\d+ of 2000 calls: \d+ allowed", shown)), 100)
        self.assert_held(shown.decode().split("\x1b[K")[-1].replace("\r\n", "\n"))

    def test_more_than_the_limit_is_noticed(self):
        # Two daemons with a store each: together, twice as much.
        first, second = self.daemon(), self.daemon()
        result = self.run_program(BIN_DIR / "rategate_demo", first.socket, second.socket)
        self.assertEqual(result.returncode, 1, result)
        self.assertRegex(result.stdout, r"WRONG|No call was denied")

    def test_less_than_the_limit_is_noticed(self):
        redis = self.redis()
        daemon = self.daemon(redis)
        # Somebody else takes 40 of each second, by the recipe's own counter.
        client = redis.client()
        now = int(client.time()[0])
        for second in range(now, now + 30):
            client.set(f"rate-limit:{second}", 40, ex=60)
        result = self.run_program(BIN_DIR / "rategate_demo", daemon.socket)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(" 60  WRONG", result.stdout)


if __name__ == "__main__":
    main()
