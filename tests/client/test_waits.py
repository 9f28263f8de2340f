#!/usr/bin/python3
"""Those who wait through the library and the command, in a real daemon: nobody polls, and the order."""

import signal
import subprocess
import time

from client_harness import BIN_DIR, COMMAND, Case, harness, main, tied, wait_until
from support.buckets import bucket

LATE = 0.1 * harness.SLOW  # seconds by which a thread, or a process, may be late


class Threads(Case):
    def test_200_are_served_in_the_order_in_which_they_came_and_ask_once(self):
        daemon = self.daemon(self.redis(), limits={"b": bucket("100/s", 2)})
        before = self.counts(daemon)
        result = self.run_program(BIN_DIR / "client_waits", daemon.socket, "b", 200, 60_000)
        self.assert_success(result)
        checks, asked_for_info = (now - then for now, then in zip(self.counts(daemon), before))
        waited = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
        self.assertEqual([allowed for allowed, _ in waited], [1] * 200)
        returned = [ns / 1e9 for _, ns in waited]
        # A thread may be late on a busy machine; twenty turns are 200 ms.
        late = [number for number, moment in enumerate(returned)
                if min(returned[number + 20:], default=moment) < moment]
        self.assertLessEqual(len(late), 10, late)
        # Each of them was decided once, and all else that was asked was INFO.
        self.assertEqual(checks, 200)
        self.assertGreater(asked_for_info, 400)

    @staticmethod
    def counts(daemon):
        stats = daemon.info("stats")
        return int(stats["checks"]), int(stats["total_commands_processed"])

    def test_they_are_denied_together_at_the_end_of_their_time(self):
        daemon = self.daemon(self.redis(), limits={"w": {"limit": "1/2s", "mode": "exact"}})
        harness.wait_for_window(2000, lambda: time.time() * 1000, (0.0, 0.4))
        daemon.check("w")
        result = self.run_program(BIN_DIR / "client_waits", daemon.socket, "w", 50, 200)
        self.assert_success(result)
        self.assertEqual({line.split()[0] for line in result.stdout.splitlines()}, {"0"})


class Commands(Case):
    def start(self, daemon, *words):
        process = subprocess.Popen(
            tied([COMMAND, "run", "--socket", daemon.socket, *words]),
            env=harness.clean_environ(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_acquiring(self, daemon, count):
        wait_until(lambda: int(daemon.info("clients")["acquiring"]) == count, 15, f"{count} to wait")

    def test_who_is_killed_while_it_waits_makes_room_for_those_behind(self):
        daemon = self.daemon(self.redis(), limits={"b": bucket("1/s", 1)})
        self.assertEqual(daemon.check("b").allowed, 1)
        taken = time.monotonic()
        first = self.start(daemon, "b", "--", "true")
        self.wait_acquiring(daemon, 1)
        second = self.start(daemon, "b", "--", "true")
        self.wait_acquiring(daemon, 2)
        first.send_signal(signal.SIGKILL)
        self.wait_acquiring(daemon, 1)
        self.assertEqual(second.wait(20 * harness.SLOW), 0)
        # In the turn of the first, and not a second later.
        self.assertLess(time.monotonic() - taken, 1.5 + LATE)
        # What was booked for two is gone when its time has come.
        wait_until(lambda: daemon.check("b").allowed, 3, "a permit")

    def test_a_restart_of_the_daemon_is_waited_out(self):
        limits = {"b": bucket("2/h", 1)}
        daemon = self.daemon(limits=limits, server={"max_wait": "1h"})
        daemon.check("b")
        waiting = self.start(daemon, "b", "--timeout", "2h", "--", "true")
        self.wait_acquiring(daemon, 1)
        daemon.terminate()
        self.daemon(limits=limits, socket_path=daemon.socket)  # with an empty memory
        self.assertEqual(waiting.wait(20 * harness.SLOW), 0)


if __name__ == "__main__":
    main()
