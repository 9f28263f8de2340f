#!/usr/bin/python3
"""rategate run: a command that waits for a permit, and what is told where there is none."""

import os
import subprocess
import threading
import time

from client_harness import COMMAND, Case, fresh_second, main, wait_until
from other_program import answered_by_another


class Run(Case):
    def test_it_becomes_the_command(self):
        daemon = self.daemon()
        script = 'read line; printf "%s|" "$line" "$#" "$1" "$2" "$HOME"; echo oops >&2; exit 37'
        result = subprocess.run(
            [COMMAND, "--socket", daemon.socket, "run", "api", "key", "--", "sh", "-c", script,
             "--", "--socket", "a b"],
            input="input\n", capture_output=True, text=True, check=False,
            env={"HOME": "/home", "PATH": os.environ["PATH"]})
        self.assertEqual(result.returncode, 37)
        self.assertEqual(result.stdout, "input|2|--socket|a b|/home|")
        self.assertEqual(result.stderr, "oops\n")

    def test_no_descriptor_is_left_to_the_command(self):
        daemon = self.daemon()
        result = self.rategate("run", "api", "--", "ls", "/proc/self/fd", daemon=daemon)
        self.assert_success(result)
        self.assertEqual(len(result.stdout.split()), 4)  # the standard ones, and what ls opens

    def test_it_waits_for_a_permit(self):
        daemon = self.daemon(limits={"api": "1/second"})
        fresh_second()
        moments = []
        for _ in range(2):
            result = self.rategate("run", "api", "--", "date", "+%s%N", daemon=daemon)
            self.assert_success(result)
            moments.append(int(result.stdout) // 1_000_000_000)
        self.assertGreater(moments[1], moments[0])

    def test_time_out(self):
        daemon = self.daemon(limits={"api": "1/h"})
        self.assert_success(self.rategate("check", "-q", "api", daemon=daemon))
        for timeout, least in (("0", 0), ("50ms", 0.05)):
            started = time.monotonic()
            result = self.rategate("run", "api", "--timeout", timeout, "--", "true", daemon=daemon)
            self.assertGreaterEqual(time.monotonic() - started, least)
            self.assertEqual(result.returncode, 75)
            self.assertIn("rategate: no permit of limit 'api' in", result.stderr)

    def test_where_rategate_fails(self):
        daemon = self.daemon(limits={"api": "2/h"})
        for words in (("apx", "--", "true"), ("api", "--cost", "3", "--", "true"), ("api",),
                      ("api", "--"), ("api", "true"), ("api", "key", "true"), ("--", "true"),
                      ("api", "--timeout", "5", "--", "true"), ("api", "--what", "--", "true")):
            with self.subTest(words=words):
                result = self.rategate("run", *words, daemon=daemon)
                self.assertEqual((result.returncode, result.stdout), (125, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)
        result = self.rategate("run", "api", "true", daemon=daemon)
        self.assertIn("goes behind '--'", result.stderr)
        result = self.rategate("run", "api", "--", "true", daemon=self.tmp() + "/none")
        self.assertEqual(result.returncode, 125)

    def test_a_daemon_that_does_not_answer_is_no_time_out_of_the_wait(self):
        daemon = self.daemon()
        daemon.stop()
        result = self.rategate("run", "api", "--timeout", "50ms", "--", "true", daemon=daemon)
        self.assertEqual(result.returncode, 75)
        # One that is asked to wait may take its time; an older one is asked for an answer at once.
        unknown = b"-ERR unknown command 'ACQUIRE', with args beginning with: 'api' \r\n"
        result = answered_by_another(self, (unknown,), "run", "api", "--timeout", "1h",
                                     "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("stuck or overloaded", result.stderr)

    def test_commands_that_cannot_be_run(self):
        daemon = self.daemon()
        result = self.rategate("run", "api", "--", "no-such-program", daemon=daemon)
        self.assertEqual(result.returncode, 127)
        self.assertEqual(result.stderr,
                         "rategate: cannot run 'no-such-program': No such file or directory\n")
        result = self.rategate("run", "api", "--", "/", daemon=daemon)
        self.assertEqual(result.returncode, 126)

    def test_it_waits_out_a_restart_of_the_daemon(self):
        daemon = self.daemon(limits={"api": "1/second"})
        fresh_second()
        self.assert_success(self.rategate("check", "-q", "api", daemon=daemon))
        results = []
        waiting = threading.Thread(target=lambda: results.append(
            self.run_untied("run", "api", "--", "echo", "run", socket_path=daemon.socket)))
        waiting.start()
        wait_until(lambda: int(daemon.info("clients")["acquiring"]) > 0, what="it to wait")
        daemon.terminate()
        self.daemon(limits={"api": "1/second"}, socket_path=daemon.socket)
        waiting.join()
        self.assertEqual(results[0].stdout, "run\n", results[0])

    def run_untied(self, *words, socket_path):
        """From a thread: what is tied ends with the thread that started it."""
        return subprocess.run([COMMAND, "--socket", socket_path, *words], capture_output=True,
                              text=True, check=False, timeout=120)


if __name__ == "__main__":
    main()
