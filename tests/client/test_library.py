#!/usr/bin/python3
"""The library against a real daemon: threads, fork, restarts, valgrind, what the file exports."""

import concurrent.futures
import os
import re
import subprocess
import time

from client_harness import BIN_DIR, BUILD_DIR, SANITIZE, SOURCE_DIR, Case, main


class Threads(Case):
    def test_16_threads_and_a_fork_in_the_middle_lose_and_double_no_call(self):
        daemon = self.daemon()
        calls = 100 if SANITIZE else 500
        result = self.run_program(BIN_DIR / "client_threads", daemon.socket, calls, deadline=120)
        self.assert_success(result)
        with daemon.conn() as conn:
            conn.command("INFO", "leases")  # looks at the pools
            limits = [dict(zip(row[::2], row[1::2])) for row in conn.command("LIMITS")]
        counted = next(limit for limit in limits if limit[b"name"] == b"threads")
        # Each takes one permit, over the socket or in shared memory.
        self.assertEqual(counted[b"allowed"] + counted[b"shared"], 17 * calls)
        self.assertEqual(counted[b"denied"], 0)

    def test_threads_use_at_most_a_connection_each(self):
        daemon = self.daemon()
        self.assert_success(self.run_program(BIN_DIR / "client_threads", daemon.socket, 50, 4))
        # 4 threads, their child, and this one that asks.
        self.assertLessEqual(int(daemon.info("clients")["total_connections_received"]), 6)


class Valgrind(Case):
    def valgrind(self, calls):
        daemon = self.daemon()
        result = self.run_program(
            "valgrind", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all",
            "--errors-for-leak-kinds=all", "--track-fds=yes", BIN_DIR / "client_calls",
            daemon.socket, calls)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("ERROR SUMMARY: 0 errors", result.stderr)
        self.assertIn("All heap blocks were freed", result.stderr)
        # Descriptors that valgrind's own process inherited are said to be so.
        opened = re.findall(r"Open .*\n==\d+==    at", result.stderr)
        self.assertEqual(opened, [], result.stderr)
        return int(re.search(r"total heap usage: ([\d,]+) allocs", result.stderr)[1]
                   .replace(",", ""))

    def test_clean_and_without_an_allocation_per_check(self):
        self.assertEqual(self.valgrind(2), self.valgrind(200))


if SANITIZE:
    del Valgrind  # a sanitized program does not run in valgrind, and looks after itself


class Calls(Case):
    def test_every_call(self):
        daemon = self.daemon()
        self.assert_success(self.run_program(BIN_DIR / "client_calls", daemon.socket, 50))


class Peeks(Case):
    def test_a_peek_takes_nothing_and_sees_what_was_spent_in_shared_memory(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store)
                result = self.run_program(BIN_DIR / "client_peeks", daemon.socket)
                self.assert_success(result)
                self.assertGreater(int(result.stdout), 1000)  # decided in shared memory


class Shadow(Case):
    def test_it_allows_in_place_until_it_is_used_up_and_then_over_the_socket(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"shadow": {"limit": "1000/h", "shadow": True}})
                result = self.run_program(BIN_DIR / "client_shadow", daemon.socket)
                self.assert_success(result)
                self.assertTrue(500 < int(result.stdout) <= 1000, result.stdout)
                self.assertEqual(int(daemon.info("stats")["checks_shadow_denied"]), 2000)
                if store is not None:
                    self.assertEqual(list(store.counters("rategate:*").values()), [1000])


class Slices(Case):
    """Token buckets and sliding windows, whose permits are leased in slices, in shared memory."""

    LIMITS = {"bucket": {"limit": "2000/s", "algorithm": "gcra", "burst": 1000},
              "window": {"limit": "2000/s", "algorithm": "sliding-window"}}

    def run_all(self, daemon, limit, programs, ms=1500):
        """Of all programs together: allowed, in place, denied, in place; and the longest time."""
        with concurrent.futures.ThreadPoolExecutor(programs) as pool:
            results = list(pool.map(lambda _: self.run_program(
                BIN_DIR / "client_slices", daemon.socket, limit, ms), range(programs)))
        for result in results:
            self.assert_success(result)
        numbers = [list(map(int, result.stdout.split())) for result in results]
        return [sum(column) for column in zip(*[n[:4] for n in numbers])], max(n[4] for n in numbers)

    def test_the_promise_and_what_is_decided_in_place(self):
        for limit in self.LIMITS:
            for programs in (1, 3):
                for store in (None, self.redis()):
                    with self.subTest(store=store, limit=limit, programs=programs):
                        self.judge(self.daemon(store, limits=self.LIMITS), limit, programs)

    def test_who_is_denied_in_place_is_told_when_the_first_permit_is_there(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                limits = {"window": {"limit": "2000/m", "algorithm": "sliding-window",
                                     "mode": "lease"}}
                daemon = self.daemon(store, limits=limits)
                result = self.run_program(BIN_DIR / "client_slices", daemon.socket, "window", 2000)
                self.assert_success(result)
                allowed, _, _, denied_here, us, shortest_ms = map(int, result.stdout.split())
                self.assertEqual(allowed, 2000)
                self.assertGreater(denied_here, 100)
                # None comes back sooner than a minute after the program began.
                self.assertGreaterEqual(shortest_ms, 60_000 - us / 1000 - 1)

    def judge(self, daemon, limit, programs):
        begun = time.monotonic()
        (allowed, allowed_here, denied, denied_here), us = self.run_all(daemon, limit, programs)
        seconds = time.monotonic() - begun
        periods = 1 + int(seconds)
        most = 1000 + 2000 * seconds if limit == "bucket" else 2000 * periods
        self.assertLessEqual(allowed, most)
        self.assertGreater(allowed, 1000)
        # Nearly all are denied, and mostly without asking anybody.
        self.assertGreater(allowed_here, allowed / 10, (allowed, us))
        self.assertGreater(denied_here, denied * 0.9, (denied, us))
        info = {k: int(v) for k, v in daemon.info("leases").items()}
        self.assertEqual(info["shm_forged"], 0)
        self.assertEqual(info["permits_spent"] + info["permits_spent_shared"], allowed)
        self.assertEqual(info["permits_spent_shared"], allowed_here)


class Settles(Case):
    def test_what_was_not_used_can_be_taken_again(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store)
                result = self.run_program(BIN_DIR / "client_settles", daemon.socket)
                self.assert_success(result)
                self.assertGreater(int(result.stdout), 1000)  # decided in shared memory


    def test_several_limits_in_one_decision(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"few": "3/h", "many": "100/h"})
                self.assert_success(self.run_program(BIN_DIR / "client_combines", daemon.socket))


class Enters(Case):
    def test_entries_by_connection_and_by_time(self):
        work = {"limit": 3, "algorithm": "concurrency", "hold_ttl": "1s"}
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"work": work, "rate": "5/s"})
                self.assert_success(self.run_program(BIN_DIR / "client_enters", daemon.socket))


class Declared(Case):
    def test_a_limit_that_made_room_and_came_back_is_decided_in_place_again(self):
        for store in (None, self.redis()):
            with self.subTest(store=store):
                daemon = self.daemon(store, server={"max_declared": 1})
                result = self.run_program(BIN_DIR / "client_evicted_limit", daemon.socket)
                self.assert_success(result)
                self.assertLessEqual(int(result.stdout), 100)


class File(Case):
    """librategate.so as a file."""

    library = BUILD_DIR / "lib/librategate.so"

    def tool(self, *words):
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def test_it_exports_what_the_header_declares_and_nothing_else(self):
        header = (SOURCE_DIR / "include/rategate/rategate.h").read_text(encoding="utf-8")
        declared = set(re.findall(r"^RATEGATE_API[^;(]*?(\w+)\(", header, re.M))
        self.assertGreater(len(declared), 8)
        symbols = self.tool("nm", "-D", "--defined-only", self.library)
        exported = {line.split()[2] for line in symbols.splitlines()}
        versions = {name for name in exported if name.startswith("RATEGATE_")}
        self.assertEqual(exported - versions, {f"{name}@@RATEGATE_0.1" for name in declared})

    def test_its_name_carries_its_version_and_it_needs_libc_alone(self):
        dynamic = self.tool("readelf", "-d", self.library)
        self.assertIn("Library soname: [librategate.so.1]", dynamic)
        self.assertTrue(os.path.samefile(self.library, self.library.parent / "librategate.so.1"))
        if not SANITIZE:
            needed = re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]*)\]", dynamic)
            self.assertEqual(needed, ["libc.so.6"])


if __name__ == "__main__":
    main()
