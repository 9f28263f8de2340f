"""The suite catches known mistakes: each is switched on in a daemon built for it, and the tests
that guard against it must fail then, and pass without it."""

import concurrent.futures
import ctypes
import os
import pathlib
import re
import subprocess
import sys

import harness

HERE = pathlib.Path(__file__).resolve().parent

# Mistake to the tests that must notice it.
MUTANTS = {
    "script-grants-one-more": ("test_counter",
                               "Counter.test_allows_the_limit_to_those_who_ask_at_once"),
    "no-ttl": ("test_counter", "Counter.test_the_counter_expires"),
    "ttl-only-when-missing": ("test_counter", "Counter.test_an_expiry_inside_the_window_is_raised"),
    "grant-not-clamped": ("test_counter", "Counter.test_a_counter_above_the_limit_is_left_alone"),
    "late-reply-granted": ("test_counter", "LateReply.test_grants_nothing_once_its_window_is_over"),
    "noscript-is-grant": ("test_counter",
                          "Counter.test_flushed_scripts_grant_nothing_by_themselves"),
    "answers-reordered": ("test_counter", "Counter.test_answers_keep_the_order_of_the_requests"),
    "denied-cost-consumes": ("test_counter", "Counter.test_a_denied_cost_takes_nothing"),
    "settled-begins-anew": ("test_clear", "Here.test_a_limit_with_other_numbers_does_not_undo_it"),
    "window-from-host-clock": ("test_clock", "Clock.test_a_redis_that_is_ahead"),
    "outage-told-as-a-window": ("test_retry_after",
                                "RetryAfter.test_a_store_that_is_away_is_no_matter_of_a_day"),
    "slice-without-end": ("test_fairness", "Order.test_large_answers"),
    "accepts-without-end": ("test_fairness", "Order.test_connections"),
    "one-sentinel-followed": ("test_sentinel", "Outvoted.test_one_that_lies_is_not_followed"),
    "old-primary-until-it-fails": (
        "test_sentinel", "Moved.test_one_that_answers_still_is_left_where_another_is_named"),
}


# A line of the simulation's lists: a name, and perhaps a schedule in which the mistake has shown.
LISTED = r"^([\w-]+)(?: \d+)?$"


def mutants():
    """Those that change something here. From 1.45 on, libuv itself accepts one connection a turn, so
    that a daemon cannot make the mistake of taking all of them; the simulation still shows it."""
    one_a_turn = ctypes.CDLL("libuv.so.1").uv_version() >= 1 << 16 | 45 << 8
    return {name: test for name, test in MUTANTS.items()
            if not (one_a_turn and name == "accepts-without-end")}


def names(pattern, files):
    return {name for file in files
            for line in file.read_text("utf-8").splitlines() for name in re.findall(pattern, line)}


class Page(harness.Case):
    """docs/simulation.md tells what catches each mistake that the simulation must catch."""

    def test_it_has_them_all_and_no_others(self):
        sim = harness.SOURCE_DIR / "tests/sim"
        listed = names(LISTED, [sim / "mutants.txt", sim / "flight_mutants.txt"])
        page = (harness.SOURCE_DIR / "docs/simulation.md").read_text("utf-8")
        table = page.split("| mistake | caught by |")[1].split("\n\n")[0]
        # Beside a name stands where the mistake is made.
        told = [name for row in table.splitlines()[2:]
                for name in re.findall(r"`([\w-]+)`", row.split("|")[1])]
        self.assertEqual(sorted(told), sorted(listed))


class Mutants(harness.Case):
    def setUp(self):
        self.binary = harness.BIN_DIR / "rategated_mutants"
        self.assertTrue(self.binary.exists(), f"{self.binary} is not built")

    def run_test(self, test, mutant):
        """(exit code, output) of one test with that mistake, "" for none."""
        file, name = test
        env = dict(os.environ, RATEGATE_BIN=str(self.binary), RATEGATE_MUTANT=mutant)
        done = subprocess.run([sys.executable, "-B", str(HERE / f"{file}.py"), name], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        return done.returncode, done.stdout

    def test_every_mistake_is_listed(self):
        tests = harness.SOURCE_DIR / "tests"
        patched = names(r'^\+.*?\bmutant\("([\w-]+)"\)', tests.glob("mutants/**/*.patch"))
        # What only the simulation's own hosts and stores can do wrong is in no patch.
        played = names(r'\bmistake\("([\w-]+)"\)', tests.glob("sim/*.cpp"))
        simulated = names(LISTED, [tests / "sim/mutants.txt", tests / "sim/flight_mutants.txt"])
        self.assertEqual(patched | played, set(MUTANTS) | simulated)
        self.assertLessEqual(set(MUTANTS), patched)

    def test_each_is_caught(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            clean = {test: pool.submit(self.run_test, test, "") for test in set(MUTANTS.values())}
            broken = {name: pool.submit(self.run_test, test, name)
                      for name, test in mutants().items()}
            for test, run in clean.items():
                code, output = run.result()
                self.assertEqual(code, 0, f"{test} fails without any mistake:\n{output}")
            for name, run in broken.items():
                code, output = run.result()
                with self.subTest(mutant=name):
                    self.assertNotEqual(code, 0, f"nobody noticed {name}:\n{output}")
                    # By an assertion about the answer, not because nothing worked at all.
                    self.assertRegex(output, r"FAIL: " + MUTANTS[name][1].split(".")[1])


if __name__ == "__main__":
    harness.main()
