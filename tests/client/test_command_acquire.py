#!/usr/bin/python3
"""rategate acquire, which waits and then tells the decision as check does, and run --json."""

import json
import signal
import subprocess
import time

from client_harness import COMMAND, Case, fresh_second, harness, main, tied, wait_until

KEYS = {"allowed", "limit", "remaining", "retry_after_ms", "reset_after_ms", "reason", "reason_text",
        "rule", "algorithm", "period_ms", "burst", "source", "receipt", "near", "shadow"}


class Acquire(Case):
    def acquire(self, daemon, *words, **options):
        return self.rategate("acquire", *words, daemon=daemon, **options)

    def begin(self, daemon, *words, **options):
        """An acquire that is read by communicate()."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen(tied([COMMAND, "acquire", "--socket", daemon.socket, *words]),
                                   env=harness.clean_environ(), text=True, **options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_acquiring(self, daemon, count=1):
        wait_until(lambda: int(daemon.info("clients")["acquiring"]) == count, 15, f"{count} to wait")


class Decisions(Acquire):
    def test_it_is_told_as_by_check(self):
        daemon = self.daemon(limits={"api": "2/h"})
        result = self.acquire(daemon, "api")
        self.assert_success(result)
        self.assertRegex(result.stdout, r"^allowed: 1 of 2 left for \d+ m?s\n$")
        told = json.loads(self.acquire(daemon, "api", "--json", "--timeout", "1h").stdout)
        self.assertEqual(set(told), KEYS)
        self.assertEqual((told["allowed"], told["rule"], told["remaining"]), (True, "api", 0))
        self.assertGreater(told["receipt"], 0)
        result = self.acquire(daemon, "api", "--timeout", "20ms")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, r"^denied: over the limit, try again in \d+ m?s\n$")
        result = self.acquire(daemon, "api", "--json", "--timeout", "20ms")
        self.assertEqual(result.returncode, 1)
        told = json.loads(result.stdout)
        self.assertEqual(set(told), KEYS)
        self.assertGreater(told["retry_after_ms"], 0)
        result = self.acquire(daemon, "-q", "api", "--timeout", "20ms")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", ""))

    def test_key_cost_declaration_and_receipt(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "3", "--period", "1h")
        told = self.acquire(daemon, *words, "--cost", "3", "--json")
        self.assert_success(told)
        self.assertEqual(self.acquire(daemon, *words, "--timeout", "20ms").returncode, 1)
        result = self.rategate("refund", *words, "--cost", "3", "--receipt",
                               str(json.loads(told.stdout)["receipt"]), daemon=daemon)
        self.assertEqual(result.stdout, "3 came back\n")
        self.assert_success(self.acquire(daemon, *words, "--cost", "2"))

    def test_it_waits_for_a_permit(self):
        daemon = self.daemon(limits={"api": "1/second"})
        fresh_second()
        self.assert_success(self.acquire(daemon, "api"))
        began = time.time()
        for words in ((), ("--timeout", "1h")):
            self.assert_success(self.acquire(daemon, "api", *words))
        self.assertGreater(int(time.time()), int(began))

    def test_a_time_out_is_waited_to_its_end_and_0_asks_once(self):
        daemon = self.daemon(limits={"api": "1/h"})
        self.assert_success(self.acquire(daemon, "api", "--timeout", "0"))
        began = time.monotonic()
        self.assertEqual(self.acquire(daemon, "api", "--timeout", "300ms").returncode, 1)
        self.assertGreaterEqual(time.monotonic() - began, 0.3)
        before = int(daemon.info("stats")["checks"])
        self.assertEqual(self.acquire(daemon, "api", "--timeout", "0").returncode, 1)
        self.assertEqual(int(daemon.info("stats")["checks"]), before + 1)

    def test_nobody_waits_in_vain(self):
        daemon = self.daemon(limits={"api": {"limit": "2/h", "keys": {"bot": "blocked"}}})
        result = self.acquire(daemon, "api", "--cost", "3")
        self.assertEqual((result.returncode, result.stdout),
                         (1, "denied: the cost never fits, with a limit of 2\n"))
        result = self.acquire(daemon, "api", "bot")
        self.assertEqual((result.returncode, result.stdout),
                         (1, "denied: the key is blocked, by the rule for 'bot'\n"))

    def test_mistakes(self):
        daemon = self.daemon(limits={"api": "1/h"})
        for words in ((), ("apx",), ("api", "--timeout", "5"), ("api", "--cost", "0"),
                      ("api", "k" * 600), ("api", "key", "more"), ("api", "--period", "1s")):
            with self.subTest(words=words):
                result = self.acquire(daemon, *words)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)
        with open("/dev/full", "w", encoding="ascii") as full:
            process = self.begin(daemon, "api", stdout=full)
            self.assertIn("cannot write the answer", process.communicate(timeout=60)[1])
        self.assertEqual(process.returncode, 2)


class Ends(Acquire):
    def test_who_is_interrupted_leaves_the_line_and_has_taken_nothing(self):
        daemon = self.daemon(limits={"api": "2/h"})
        self.assert_success(self.acquire(daemon, "api"))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.begin(daemon, "api", "--cost", "2")
            self.wait_acquiring(daemon)
            process.send_signal(number)
            self.assertEqual(process.communicate(timeout=60), ("", ""))
            self.assertEqual(process.returncode, -number)
            self.wait_acquiring(daemon, 0)
        self.assertEqual(daemon.check("api").remaining, 0)  # the one that was left

    def test_a_restart_of_the_daemon_is_waited_out(self):
        limits = {"api": "1/h"}
        daemon = self.daemon(limits=limits)
        waiting = []
        for key, words in (("alice", ()), ("bob", ("--timeout", "2h"))):
            self.assert_success(self.acquire(daemon, "api", key))
            waiting.append(self.begin(daemon, "api", key, "--json", *words))
        self.wait_acquiring(daemon, 2)
        daemon.terminate()
        self.daemon(limits=limits, socket_path=daemon.socket)  # with an empty memory
        for process in waiting:
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (0, ""))
            self.assertEqual(set(json.loads(out)), KEYS)

    def test_a_daemon_that_stops_for_good_is_told_as_by_check(self):
        daemon = self.daemon(limits={"api": "1/h"})
        self.assert_success(self.acquire(daemon, "api"))
        process = self.begin(daemon, "api")
        self.wait_acquiring(daemon)
        daemon.terminate()
        began = time.monotonic()
        out, err = process.communicate(timeout=60 * harness.SLOW)
        self.assertGreaterEqual(time.monotonic() - began, 4.5)  # it might have come back
        self.assertEqual((process.returncode, out), (3, ""))
        self.assertIn("systemctl start rategated", err)
        for words in ((), ("--timeout", "1h"), ("--timeout", "0")):
            began = time.monotonic()
            result = self.acquire(daemon, "api", *words)
            self.assertLess(time.monotonic() - began, 4 * harness.SLOW)
            self.assertEqual((result.returncode, result.stdout), (3, ""))
            self.assertIn("Nothing listens there", result.stderr)

    def test_nothing_decided_in_time_is_an_outage_and_no_denial(self):
        daemon = self.daemon(limits={"api": "1/h"})
        daemon.signal(signal.SIGSTOP)
        self.addCleanup(daemon.signal, signal.SIGCONT)
        began = time.monotonic()
        result = self.acquire(daemon, "api", "--timeout", "50ms")
        self.assertGreaterEqual(time.monotonic() - began, 5)
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn("The daemon listens but is stuck", result.stderr)

    def test_that_too_many_wait_is_no_outage(self):
        daemon = self.daemon(limits={"api": "1/h"}, server={"max_parked_per_key": 1})
        self.assert_success(self.acquire(daemon, "api"))
        self.begin(daemon, "api")
        self.wait_acquiring(daemon)
        for timeout, least in (("200ms", 0.2), ("1h", 4.5)):
            began = time.monotonic()
            result = self.acquire(daemon, "api", "--timeout", timeout)
            self.assertGreaterEqual(time.monotonic() - began, least)  # one might have left
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("too many wait for limit 'api'", result.stderr)

    def test_an_outage_of_the_store_ends_as_that_of_a_check(self):
        server = self.redis()
        daemon = self.daemon(server, limits={
            "api": {"limit": 1, "period": "1h", "on_store_down": "error"}})
        server.kill9()
        wait_until(lambda: self.rategate("check", "api", daemon=daemon).returncode == 3, 10,
                   "an outage")
        for timeout in ("0", "50ms"):
            result = self.acquire(daemon, "api", "--timeout", timeout)
            self.assertEqual((result.returncode, result.stdout), (3, ""), result)


class RunJson(Case):
    def test_a_denial_is_told_as_by_check_and_the_command_has_the_output_to_itself(self):
        daemon = self.daemon(limits={"api": {"limit": "2/h", "keys": {"bot": "blocked"}}})
        result = self.rategate("run", "--json", "api", "--", "echo", "out", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "out\n", ""))
        words = ("--cost", "2", "--", "echo", "out")
        for timeout in ("0", "20ms"):
            result = self.rategate("run", "--json", "api", "--timeout", timeout, *words, daemon=daemon)
            self.assertEqual((result.returncode, result.stderr), (75, ""))
            told = json.loads(result.stdout)
            self.assertEqual(set(told), KEYS)
            self.assertEqual((told["allowed"], told["reason_text"]), (False, "over the limit"))
        for never in (("api", "--cost", "3"), ("api", "bot")):
            result = self.rategate("run", "--json", *never, "--", "echo", daemon=daemon)
            self.assertEqual((result.returncode, result.stderr), (125, ""))
            self.assertFalse(json.loads(result.stdout)["allowed"])

    def test_what_is_no_decision_is_no_json(self):
        daemon = self.daemon()
        result = self.rategate("run", "--json", "apx", "--", "true", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("no limit named 'apx'", result.stderr)
        daemon.signal(signal.SIGSTOP)
        self.addCleanup(daemon.signal, signal.SIGCONT)
        result = self.rategate("run", "--json", "api", "--timeout", "50ms", "--", "true", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout), (75, ""))
        self.assertEqual(result.stderr, "rategate: no permit of limit 'api' in 50 ms\n")


if __name__ == "__main__":
    main()
