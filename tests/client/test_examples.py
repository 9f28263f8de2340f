#!/usr/bin/python3
"""Every example, run as it stands against a real daemon."""

import os
import pty
import re
import subprocess

from client_harness import BIN_DIR, EXAMPLES, SLOW, Case, fresh_second, main, tied


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
                            for key in redis.counters()))


class Demo(Case):
    """Several demos of 10 s each, all at once: they mostly sleep."""

    def start(self, *daemons, stdout=subprocess.PIPE):
        process = subprocess.Popen(
            tied([BIN_DIR / "rategate_demo", *(daemon.socket for daemon in daemons)]),
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def output(self, process, code):
        """What it printed, once it has ended with this code."""
        out, errors = process.communicate(timeout=60 * SLOW)
        self.assertEqual((process.returncode, errors), (code, ""), out)
        return out

    def assert_held(self, text):
        success = int(re.search(r"^Success count: (\d+)$", text, re.M)[1])
        fail = int(re.search(r"^Fail count: (\d+)$", text, re.M)[1])
        self.assertEqual(success + fail, 2000)
        seconds = re.findall(r"^ +\d+: +(\d+)(  \(.*\))?$", text, re.M)
        full = [int(count) for count, note in seconds if not re.search("full|machine", note)]
        self.assertGreaterEqual(len(full), 5)  # 9, where nothing else slows this machine down
        self.assertLessEqual(set(full), {99, 100})
        self.assertEqual(sum(int(count) for count, _ in seconds), success)

    def on_terminal(self, daemon):
        """A demo whose output is a terminal, and the terminal's other end."""
        main_end, terminal = pty.openpty()
        process = self.start(daemon, stdout=terminal)
        os.close(terminal)
        self.addCleanup(os.close, main_end)
        return process, main_end

    @staticmethod
    def read_terminal(main_end):
        shown = b""
        while True:
            try:
                shown += os.read(main_end, 4096)
            except OSError:  # EIO: the other end is closed
                return shown.decode()

    def test_demos(self):
        redis = self.redis()
        first, second = self.daemon(redis), self.daemon(redis)
        with_redis = self.start(first, second)

        live, main_end = self.on_terminal(self.daemon())

        # Two daemons with a store each: together, twice as much.
        too_much = self.start(self.daemon(), self.daemon())

        # Somebody else takes 40 of each second, by the recipe's own counter.
        shared = self.redis()
        client = shared.client()
        now = int(client.time()[0])
        for moment in range(now, now + 100):
            client.set(f"rate-limit:{moment}", 40, ex=200)
        too_little = self.start(self.daemon(shared))

        shown = self.read_terminal(main_end)
        with self.subTest("two daemons on one Redis"):
            text = self.output(with_redis, 0)
            self.assert_held(text)
            self.assertNotIn("\r", text)  # no progress line where there is no terminal
            for daemon in (first, second):
                leases = daemon.info("leases")
                spent = int(leases["permits_spent"]) + int(leases["permits_spent_shared"])
                self.assertGreater(spent, 300)  # of 1000 or so, in no fixed shares
        with self.subTest("one daemon with the embedded store, and a progress line"):
            self.output(live, 0)
            self.assertGreater(len(re.findall(r"\r\d+ of 2000 calls: \d+ allowed", shown)), 100)
            self.assert_held(shown.split("\x1b[K")[-1].replace("\r\n", "\n"))
        with self.subTest("more than the limit is noticed"):
            self.assertRegex(self.output(too_much, 1), r"WRONG|No call was denied")
        with self.subTest("less than the limit is noticed"):
            self.assertIn(" 60  WRONG", self.output(too_little, 1))


if __name__ == "__main__":
    main()
