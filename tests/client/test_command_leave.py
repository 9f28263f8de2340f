#!/usr/bin/python3
"""rategate enter --for, stay and leave: an entry that a script holds over several commands."""

import json
import os
import random
import signal
import subprocess
import time

from client_harness import BIN_DIR, COMMAND, Case, harness, main, tied, wait_until

WORK = {"work": {"limit": 2, "algorithm": "concurrency", "hold_ttl": "1s"}, "rate": "5/s"}
OVER = "nobody has entered by that ticket: its time is over, or it has left\n"
SCRIPT = """
set -e
ticket=$(rategate enter work alice --cost 2 --for 1h)
rategate stay "$ticket"
! rategate enter work alice --for 1h 2>/dev/null
rategate leave "$ticket"
rategate enter work alice --cost 2 -- true
"""


def is_of_command(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(COMMAND)
    except FileNotFoundError:  # it has ended
        return True


def is_asked(pid):
    """Whether it has a socket, and waits."""
    links = [os.path.join(f"/proc/{pid}/fd", fd) for fd in os.listdir(f"/proc/{pid}/fd")]
    with open(f"/proc/{pid}/wchan", encoding="ascii") as waits:
        return (is_of_command(pid) and "poll" in waits.read()
                and any(os.readlink(link).startswith("socket:") for link in links))


class ByTime(Case):
    def setUp(self):
        super().setUp()
        self.server = self.daemon(limits=WORK)

    def ask(self, *words, **options):
        return self.rategate(*words, daemon=self.server, **options)

    def enter(self, *words):
        """The ticket of one that has entered."""
        result = self.ask("enter", "work", *words)
        self.assert_success(result)
        self.assertRegex(result.stdout, r"^[1-9]\d*\n$")
        return result.stdout.strip()

    def entries(self):
        return int(self.server.info("stats")["entries"])

    def assert_told(self, result, code, out):
        self.assertEqual((result.returncode, result.stdout, result.stderr), (code, out, ""))

    def test_a_script_that_enters_and_leaves(self):
        result = self.run_program("sh", "-c", SCRIPT, daemon=self.server)
        self.assert_told(result, 0, "stays\nleft\n")

    def test_the_ticket_outlives_the_command_and_ends_by_leave(self):
        ticket = self.enter("--cost", "2", "--for", "1h")
        self.assertEqual(self.entries(), 1)
        denied = self.ask("enter", "work", "--for", "1h")
        self.assertEqual((denied.returncode, denied.stdout, denied.stderr),
                         (1, "", "rategate: no slot of limit 'work' in 0 ms\n"))
        self.assert_told(self.ask("stay", ticket), 0, "stays\n")
        self.assert_told(self.ask("leave", ticket), 0, "left\n")
        self.assertEqual(self.entries(), 0)
        for verb in ("leave", "stay"):
            self.assert_told(self.ask(verb, ticket), 1, OVER)

    def test_json(self):
        told = self.ask("enter", "work", "--for", "1h", "--cost", "2", "--json")
        self.assert_success(told)
        entry = json.loads(told.stdout)
        ticket = entry.pop("ticket")
        self.assertGreater(ticket, 0)
        self.assertEqual(entry, {"entered": True, "limit": 2, "remaining": 0, "retry_after_ms": 0})
        denied = self.ask("enter", "work", "--for", "1h", "--json")
        self.assertEqual((denied.returncode, denied.stderr), (1, ""))
        self.assertFalse(json.loads(denied.stdout)["entered"])
        for verb, name in (("stay", "stays"), ("leave", "left")):
            self.assert_told(self.ask(verb, str(ticket), "--json"), 0, f'{{"{name}":true}}\n')
        for verb, name in (("stay", "stays"), ("leave", "left")):
            self.assert_told(self.ask(verb, "--json", str(ticket)), 1, f'{{"{name}":false}}\n')

    def test_it_ends_by_itself_unless_somebody_stays(self):
        gone, kept = self.enter("--for", "1s"), self.enter("--for", "1h")
        wait_until(lambda: self.entries() == 1, 15, "the end of one")
        self.assert_told(self.ask("stay", gone), 1, OVER)
        self.assert_told(self.ask("stay", kept), 0, "stays\n")
        self.assertEqual(self.server.info("stats")["entries_lost"], "1")

    def test_it_waits_for_others_to_leave(self):
        ticket = self.enter("--cost", "2", "--for", "1h")
        waiter = subprocess.Popen(
            tied([COMMAND, "enter", "--socket", self.server.socket, "work", "--wait", "1h",
                  "--for=1h"]), env=harness.clean_environ(), stdout=subprocess.PIPE, text=True)
        self.addCleanup(waiter.kill)
        wait_until(lambda: int(self.server.info("stats")["entries_waiting"]) == 1, 15, "the waiter")
        self.assertEqual(self.ask("leave", ticket).returncode, 0)
        other = waiter.communicate(timeout=20 * harness.SLOW)[0].strip()
        self.assertEqual(waiter.returncode, 0)
        self.assert_told(self.ask("leave", other), 0, "left\n")

    def test_what_cannot_be_told_is_left(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run(
                tied([BIN_DIR / "rategate", "enter", "--socket", self.server.socket, "work", "--for",
                      "1h"]), env=harness.clean_environ(), stdout=full, stderr=subprocess.PIPE,
                check=False, timeout=60 * harness.SLOW)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"cannot write the answer", result.stderr)
        self.assertEqual(self.entries(), 0)

    def test_what_nobody_reads_is_left(self):
        reader, writer = os.pipe()
        os.close(reader)
        with self.begin(stdout=writer) as process:
            os.close(writer)
            self.assertIn(b"cannot write the answer", process.communicate(timeout=60)[1])
        self.assertEqual((process.returncode, self.entries()), (2, 0))

    def begin(self, *words, **options):
        """enter --for, whose standard output and error are read by communicate()."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        # pylint: disable-next=consider-using-with
        return subprocess.Popen(
            tied([COMMAND, "enter", "--socket", self.server.socket, "work", "--for", "1h", *words]),
            env=harness.clean_environ(), **options)

    def test_who_is_interrupted_has_left_unless_the_ticket_was_told(self):
        for number in 15 * [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            with self.begin() as process:
                # At any moment; what it begins as may not be rategate yet.
                wait_until(lambda: is_of_command(process.pid), 15, "the command")
                time.sleep(random.uniform(0, 0.006))
                process.send_signal(number)
                out, err = process.communicate(timeout=60 * harness.SLOW)
            if process.returncode == 0:
                self.assert_told(self.ask("leave", out.decode().strip()), 0, "left\n")
            else:
                self.assertEqual((process.returncode, out, err), (-number, b"", b""))
            wait_until(lambda: self.entries() == 0, 15, "it to leave")

    def test_who_is_interrupted_while_it_waits_leaves_the_line(self):
        ticket = self.enter("--cost", "2", "--for", "1h")
        with self.begin("--wait", "1h") as process:
            waiting = lambda: int(self.server.info("stats")["entries_waiting"])
            wait_until(lambda: waiting() == 1, 15, "the waiter")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.communicate(timeout=60 * harness.SLOW), (b"", b""))
            self.assertEqual(process.returncode, -signal.SIGTERM)
            wait_until(lambda: waiting() == 0, 15, "the waiter's end")
        self.assert_told(self.ask("leave", ticket), 0, "left\n")
        self.assertEqual(self.entries(), 0)

    def test_a_daemon_that_hangs_keeps_no_slot_for_who_was_interrupted(self):
        self.server.signal(signal.SIGSTOP)
        try:
            with self.begin() as process:
                wait_until(lambda: is_asked(process.pid), 15, "the question")
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.communicate(timeout=60 * harness.SLOW), (b"", b""))
            self.assertEqual(process.returncode, -signal.SIGINT)
        finally:
            self.server.signal(signal.SIGCONT)
        wait_until(lambda: self.entries() == 0, 15, "it to be taken back")
        self.assert_told(self.ask("enter", "work", "--cost", "2", "--", "true"), 0, "")

    def test_an_entry_by_connection_cannot_be_renewed_but_left(self):
        with self.server.conn() as conn:
            ticket = str(conn.command("ENTER", "work")[4])
            result = self.ask("stay", ticket)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("lasts as long as its connection", result.stderr)
            self.assert_told(self.ask("leave", ticket), 0, "left\n")

    def test_wrong_questions(self):
        for words in (("enter", "work", "--for", "0"), ("enter", "work", "--for", "99ms"),
                      ("enter", "work", "--for", "25h"), ("enter", "work", "--for", "1"),
                      ("enter", "work", "--for"), ("enter", "--for", "1s"),
                      ("enter", "apx", "--for", "1s"), ("enter", "rate", "--for", "1s"),
                      ("stay",), ("leave",), ("stay", "0"), ("leave", "x"), ("leave", "1", "2"),
                      ("leave", "1" * 17), ("stay", "1", "--for", "1s")):
            with self.subTest(words=words):
                result = self.ask(*words)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)
                self.assertNotIn("declares", result.stderr)
        never = self.ask("enter", "work", "--cost", "3", "--for", "1s")
        self.assertEqual((never.returncode, never.stdout, never.stderr),
                         (1, "", "rategate: a cost of 3 never fits, with a limit of 2\n"))
        both = self.ask("enter", "work", "--for", "1s", "--", "echo", "in")
        self.assertEqual((both.returncode, both.stdout), (125, ""))
        self.assertIn("--for", both.stderr)
        for words in (("enter", "work", "--for", "1s"), ("stay", "1"), ("leave", "1")):
            away = self.rategate(*words, daemon=self.tmp() + "/none")
            self.assertEqual(away.returncode, 3)
            self.assertIn("Nothing listens there", away.stderr)
        # What is for the command is not for rategate.
        self.assert_told(self.ask("enter", "work", "--", "echo", "--for", "1s"), 0, "--for 1s\n")

    def test_a_daemon_that_hangs_is_told_as_by_a_check(self):
        self.server.signal(signal.SIGSTOP)
        self.addCleanup(self.server.signal, signal.SIGCONT)
        began = time.monotonic()
        for words, code in ((("check", "rate"), 3), (("leave", "1"), 3),
                            (("enter", "work", "--wait", "0", "--", "true"), 125)):
            result = self.ask(*words)
            self.assertEqual((result.returncode, result.stdout), (code, ""), words)
            self.assertIn("The daemon listens but is stuck", result.stderr)
            took, began = time.monotonic() - began, time.monotonic()
            self.assertTrue(5 <= took < 5 + 10 * harness.SLOW, (words, took))


if __name__ == "__main__":
    main()
