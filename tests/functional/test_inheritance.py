"""What whoever starts the daemon may leave it with: signals, descriptors, limits, a umask."""

import os
import signal
import stat
import subprocess
import sys

import harness

# Becomes the daemon after some Python: the way to be born with anything. Python itself ignores two
# signals.
BORN_WITH = ("import os, resource, signal, sys\n"
             "for number in (signal.SIGPIPE, signal.SIGXFSZ): signal.signal(number, signal.SIG_DFL)\n"
             "{}\n"
             "os.execv(sys.argv[1], sys.argv[1:])")
ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SIGNALS = "{signal.SIGTERM, signal.SIGINT, signal.SIGHUP}"


def born_with(code):
    return [sys.executable, "-S", "-c", BORN_WITH.format(code)]


def has(daemon, field, number):
    return int(daemon.proc_status(field), 16) >> (number - 1) & 1 == 1


class Signals(harness.Case):
    def test_a_reload_that_is_asked_for_before_the_start_is_over_is_done(self):
        """So many limits that the start takes some time between its first instruction and the loop."""
        many = {f"limit-{i}": "100/second" for i in range(20_000)}
        daemon = self.daemon(limits=many, ready=False)
        harness.wait_until(lambda: has(daemon, "SigBlk", signal.SIGHUP), 10, "SIGHUP to be held")
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded: ")
        daemon.wait_ready()
        daemon.reload()
        self.assertFalse(any(has(daemon, "SigBlk", number) for number in ASKED))

    def test_what_the_parent_has_blocked_or_ignored_is_listened_to(self):
        for code in (f"signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNALS})",
                     f"for number in {SIGNALS}: signal.signal(number, signal.SIG_IGN)"):
            with self.subTest(code):
                daemon = self.daemon(command_prefix=born_with(code))
                daemon.reload()
                daemon.terminate()


class Descriptors(harness.Case):
    def test_standard_descriptors_that_are_closed(self):
        for closed in ([0], [1], [2], [0, 1, 2]):
            with self.subTest(closed=closed):
                code = "\n".join(f"os.close({fd})" for fd in closed)
                log = os.path.join(self.tmp(), "log")
                daemon = self.daemon(self.redis(), command_prefix=born_with(code),
                                     log_settings={"target": f"file:{log}"})
                for fd in range(3):
                    where = os.readlink(f"/proc/{daemon.pid}/fd/{fd}")
                    if fd in closed:
                        self.assertEqual(where, "/dev/null")
                self.assertEqual(daemon.check("api").reason, harness.COUNTED)

    def test_the_log_goes_nowhere_where_there_is_no_standard_error(self):
        daemon = self.daemon(command_prefix=born_with("for fd in range(3): os.close(fd)"))
        for _ in range(100):
            self.assertEqual(daemon.check("api").allowed, 1)
        daemon.reload()
        daemon.terminate()

    def test_the_command_does_not_print_to_the_daemon(self):
        daemon = self.daemon()
        for closed, code in (("<&-", 0), ("2>&-", 0), (">&-", 2), ("<&- >&- 2>&-", 2)):
            with self.subTest(closed):
                words = ["sh", "-c", f'exec "$@" {closed}', "sh", harness.BIN_DIR / "rategate",
                         "--socket", daemon.socket, "check", "api"]
                done = subprocess.run(harness.tied(words), env=harness.clean_environ(), timeout=60,
                                      check=False, capture_output=True)
                self.assertEqual(done.returncode, code, done)  # what cannot be written is an error

    def test_few_descriptors(self):
        code = "resource.setrlimit(resource.RLIMIT_NOFILE, ({}, {}))"
        self.assertEqual(self.daemon(command_prefix=born_with(code.format(8, 1000)))
                         .check("api").allowed, 1)
        for few in (5, 20, 39):
            with self.subTest(few=few):
                daemon = self.daemon(command_prefix=born_with(code.format(few, few)), ready=False)
                self.assertEqual(daemon.wait_exit(), 1)
                self.assertIn(f"RLIMIT_NOFILE is {few}: expected at least 40", daemon.log_text())


class Limits(harness.Case):
    def test_files_that_may_not_grow_turn_shared_memory_off(self):
        code = "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))"
        daemon = self.daemon(self.redis(), command_prefix=born_with(code),
                             log_settings={"level": "warning"})
        self.assertIn("shm_off", daemon.log_text())
        self.assertIn("File too large", daemon.log_text())
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.assertEqual(daemon.info("leases")["shm_enabled"], "0")

    def test_a_log_that_may_not_grow_loses_lines(self):
        code = "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))"
        daemon = self.daemon(command_prefix=born_with(code))
        daemon.reload()
        self.assertEqual(daemon.check("api").allowed, 1)
        self.assertGreater(int(daemon.info("stats")["log_lines_dropped"]), 0)

    def test_a_umask_that_takes_all(self):
        log = os.path.join(self.tmp(), "log")
        daemon = self.daemon(command_prefix=born_with("os.umask(0o777)"),
                             log_settings={"target": f"file:{log}"})
        self.assertEqual(stat.S_IMODE(os.stat(log).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o660)

    def test_an_empty_environment(self):
        daemon = self.daemon(command_prefix=["env", "-i"], ready=False)
        daemon.wait_log("ready: ")
        self.assertEqual(daemon.check("api").allowed, 1)


if __name__ == "__main__":
    harness.main()
