#!/usr/bin/python3
"""rategate enter: a command that is one of so many at a time, and how its slot comes back."""

import json
import re
import signal
import subprocess

from client_harness import COMMAND, Case, harness, main, tied, wait_until

WORK = {"work": {"limit": 2, "algorithm": "concurrency", "hold_ttl": "1s"}, "rate": "5/s"}
# Says that it runs, and then does until it reads.
HOLD = "echo in; read line; echo out; exit 3"
# The same, until a signal comes.
UNTIL_USR1 = ("trap 'kill $!; echo got; exit 9' USR1; sleep 600 >/dev/null 2>&1 & "
              "echo in; wait; echo out")


class Enter(Case):
    def setUp(self):
        super().setUp()
        self.server = self.daemon(limits=WORK)

    def enter(self, *words):
        return self.rategate("enter", *words, daemon=self.server)

    def hold(self, *options, command=("sh", "-c", HOLD)):
        """One that has entered, and holds until it is told."""
        process = subprocess.Popen(
            tied([COMMAND, "enter", "--socket", self.server.socket, "work", *options, "--", *command]),
            env=harness.clean_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "in\n")
        return process

    def test_the_command_and_its_exit_status(self):
        result = self.enter("work", "key", "--", "sh", "-c", "echo $0 $1; exit 37", "a", "--json")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (37, "a --json\n", ""))
        self.assert_success(self.enter("work", "--cost", "2", "--", "true"))
        result = self.enter("work", "--", "sh", "-c", "kill -USR2 $$")
        self.assertEqual(result.returncode, 128 + signal.SIGUSR2)

    def test_no_descriptor_is_left_to_the_command(self):
        result = self.enter("work", "--", "ls", "/proc/self/fd")
        self.assert_success(result)
        self.assertEqual(len(result.stdout.split()), 4)

    def test_two_of_three_run_at_a_time(self):
        first = self.hold()
        self.hold()
        denied = self.enter("work", "--", "echo", "in")
        self.assertEqual((denied.returncode, denied.stdout, denied.stderr),
                         (75, "", "rategate: no slot of limit 'work' in 0 ms\n"))
        told = self.enter("work", "--json", "--wait", "50ms", "--", "echo", "in")
        self.assertEqual((told.returncode, told.stderr), (75, ""))
        answer = json.loads(told.stdout)
        self.assertGreater(answer.pop("retry_after_ms"), 0)
        self.assertEqual(answer, {"entered": False, "limit": 2, "remaining": 0})
        third = subprocess.Popen(
            tied([COMMAND, "enter", "--socket", self.server.socket, "work", "--wait", "1h", "--",
                  "echo", "in"]), env=harness.clean_environ(), stdout=subprocess.PIPE)
        self.addCleanup(third.kill)
        wait_until(lambda: int(self.server.info("stats")["entries_waiting"]) == 1, 15, "the third")
        self.assertIsNone(third.poll())
        self.assertEqual(first.communicate("go\n"), ("out\n", ""))
        self.assertEqual(first.returncode, 3)
        self.assertEqual(third.communicate(timeout=20 * harness.SLOW)[0], b"in\n")
        self.assertEqual(third.returncode, 0)

    def test_whether_it_would_be_let_in_and_why(self):
        result = self.rategate("peek", "work", "key", daemon=self.server)
        self.assertEqual((result.returncode, result.stdout),
                         (0, "would be allowed: as far as the daemon knows without asking the store\n"))
        result = self.rategate("explain", "work", "key", daemon=self.server)
        self.assert_success(result)
        self.assertRegex(result.stdout,
                         r"(?m)^known +nothing: nobody has entered on this host lately$")
        self.hold("--cost", "2")
        result = self.rategate("peek", "work", daemon=self.server)
        self.assertEqual((result.returncode, result.stdout),
                         (1, "would be denied: over the limit, try again in 50 ms\n"))
        result = self.rategate("explain", "work", daemon=self.server)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        first, *lines = result.stdout.splitlines()
        self.assertEqual(first, "denied: all 2 slots are entered on this host")
        values = dict(re.split(r" {2,}", line, maxsplit=1) for line in lines[2:])
        self.assertEqual(values["limit"], "work, 2 at a time, a hold lasts for 1s, concurrency")
        self.assertEqual(values["mode"], "hold (concurrency)")
        self.assertEqual(values["counter"], "rategate:{work:}:holds")
        self.assertRegex(values["known"], r"^0 left, 0 held by other hosts, told \d+ ms ago$")
        self.assertRegex(values["held here"], r"^2 entered, 2 held, good for \d+ ms$")
        self.assertEqual(values["line"], "nobody waits")
        self.assertRegex(values["store"], r"^up, its clock is good, (asked in \d+ ms|it is being asked)$")
        self.assertNotIn("window", values)
        told = json.loads(self.rategate("explain", "work", "--json", daemon=self.server).stdout)
        counter, = told["limits"][0]["counters"]
        self.assertEqual((counter["known"], counter["entered"], counter["others"], counter["slot"]),
                         (True, 2, 0, False))

    def test_a_command_that_is_killed_gives_its_slot_back(self):
        holder = self.hold("--cost", "2", command=("sh", "-c", "echo in; kill -KILL $$"))
        self.assertEqual(holder.wait(20 * harness.SLOW), 128 + signal.SIGKILL)
        self.assert_success(self.enter("work", "--cost", "2", "--", "true"))

    def test_who_is_killed_gives_its_slot_back_and_its_command_ends_with_it(self):
        holder = self.hold("--cost", "2", command=("sh", "-c", "echo in; exec sleep 600"))
        holder.send_signal(signal.SIGKILL)
        holder.wait(20 * harness.SLOW)
        self.assert_success(self.enter("work", "--cost", "2", "--wait", "20s", "--", "true"))
        self.assertEqual(holder.stdout.read(), "")  # nobody has it open any more

    def test_signals_go_on_to_the_command(self):
        holder = self.hold(command=("sh", "-c", UNTIL_USR1))
        holder.send_signal(signal.SIGUSR1)
        self.assertEqual(holder.communicate(timeout=20 * harness.SLOW), ("got\n", ""))
        self.assertEqual(holder.returncode, 9)
        holder = self.hold(command=("sh", "-c", "echo in; exec sleep 600"))
        holder.send_signal(signal.SIGTERM)
        self.assertEqual(holder.wait(20 * harness.SLOW), 128 + signal.SIGTERM)

    def test_signals_that_were_blocked_or_ignored_are_so_for_the_command_only_as_before(self):
        result = self.enter("work", "--", "grep", "^SigBlk", "/proc/self/status")
        self.assertEqual(result.stdout.split()[1].strip("0"), "")
        child = subprocess.run(
            [COMMAND, "enter", "--socket", self.server.socket, "work", "--", "sh", "-c", "exit 5"],
            check=False, env=harness.clean_environ(), timeout=60 * harness.SLOW,
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(child.returncode, 5)

    def test_a_restart_of_the_daemon_is_told(self):
        holder = self.hold()
        self.server.terminate()
        self.daemon(limits=WORK, socket_path=self.server.socket)
        line = holder.stderr.readline()
        self.assertIn("limit 'work'", line)
        self.assertIn("goes on, and is not counted", line)
        self.assertEqual(holder.communicate("go\n", 20 * harness.SLOW), ("out\n", ""))
        self.assertEqual(holder.returncode, 3)

    def test_where_rategate_fails(self):
        for words in (("apx", "--", "true"), ("work", "--cost", "3", "--", "true"), ("work",),
                      ("work", "--"), ("work", "true"), ("rate", "--", "true"), ("--", "true"),
                      ("work", "--wait", "5", "--", "true"), ("work", "--limit", "5", "--", "true")):
            with self.subTest(words=words):
                result = self.enter(*words)
                self.assertEqual((result.returncode, result.stdout), (125, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)
                self.assertNotIn("declares", result.stderr)
        result = self.enter("work", "true")
        self.assertIn("goes behind '--', as in\n  rategate enter", result.stderr)
        result = self.rategate("enter", "work", "--", "true", daemon=self.tmp() + "/none")
        self.assertEqual(result.returncode, 125)
        self.assertIn("Nothing listens there", result.stderr)

    def test_commands_that_cannot_be_run(self):
        result = self.enter("work", "--", "no-such-program")
        self.assertEqual((result.returncode, result.stderr),
                         (127, "rategate: cannot run 'no-such-program': No such file or directory\n"))
        self.assertEqual(self.enter("work", "--", "/").returncode, 126)
        self.assert_success(self.enter("work", "--cost", "2", "--", "true"))


if __name__ == "__main__":
    main()
