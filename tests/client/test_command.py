#!/usr/bin/python3
"""The rategate command against a real daemon: answers, exit codes, and errors that help."""

import grp
import json
import os
import pwd
import re
import shutil
import stat
import subprocess

from client_harness import COMMAND, Case, main, wait_until
from other_program import answered_by_another
from support.buckets import bucket


class Check(Case):
    def test_allowed_denied_and_their_exit_codes(self):
        daemon = self.daemon(limits={"api": "2/h"})
        for left in (1, 0):
            result = self.rategate("check", "api", daemon=daemon)
            self.assert_success(result)
            near = "" if left else ", near the limit"
            self.assertRegex(result.stdout, rf"^allowed: {left} of 2 left for \d+ m?s{near}\n$")
        result = self.rategate("check", "api", daemon=daemon)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, r"^denied: over the limit, try again in \d+ m?s\n$")

    def test_key_cost_and_declaration(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "3", "--period", "1h")
        self.assertEqual(self.rategate("check", *words, "--cost", "2", daemon=daemon).returncode, 0)
        self.assertEqual(self.rategate("check", *words, "--cost", "2", daemon=daemon).returncode, 1)
        self.assertEqual(self.rategate("check", *words, daemon=daemon).returncode, 0)
        self.assertEqual(self.rategate("check", *words, daemon=daemon).returncode, 1)
        other = ("login", "bob", *words[2:])
        self.assertEqual(self.rategate("check", *other, daemon=daemon).returncode, 0)
        result = self.rategate("check", *other, "--cost", "4", daemon=daemon)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "denied: the cost never fits, with a limit of 3\n")

    def test_several_limits_in_one_decision(self):
        daemon = self.daemon(limits={"user": "3/h", "total": "100/h"})
        words = ("checkall", "user", "alice", "2", "total", "", "2")
        result = self.rategate(*words, daemon=daemon)
        self.assert_success(result)
        self.assertRegex(result.stdout, r"^user: allowed: 1 left, reset in \d+ m?s\n$")
        result = self.rategate(*words, "--json", daemon=daemon)
        self.assertEqual(result.returncode, 1)
        told = json.loads(result.stdout)
        self.assertEqual((told["name"], told["allowed"], told["limit"]), ("user", False, 3))
        for wrong, text in ((("user", "alice"), "expected LIMIT KEY COST, for each limit all three"),
                            (("user", "alice", "two"), "'two' is no cost"),
                            (("user", "alice", "0"), "a cost of 0")):
            result = self.rategate("checkall", *wrong, daemon=daemon)
            self.assertEqual(result.returncode, 2)
            self.assertIn(text, result.stderr)

    def test_json_and_quiet(self):
        daemon = self.daemon(limits={"api": "1/h"})
        allowed = json.loads(self.rategate("check", "api", "--json", daemon=daemon).stdout)
        reset = allowed.pop("reset_after_ms")
        self.assertTrue(0 < reset <= 3_600_000)
        receipt = allowed["receipt"]
        self.assertGreater(receipt, 0)
        self.assertEqual(allowed, {
            "allowed": True, "limit": 1, "remaining": 0, "retry_after_ms": 0, "reason": 0,
            "reason_text": "counted", "rule": "api", "algorithm": "fixed-window",
            "period_ms": 3_600_000, "burst": 1, "source": "store", "receipt": receipt,
            "near": True, "shadow": False})
        result = self.rategate("check", "api", "--json", daemon=daemon)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout)["reason_text"], "over the limit")
        result = self.rategate("check", "-q", "api", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", ""))

    def test_of_a_bucket_it_says_what_is_left_of_the_burst(self):
        daemon = self.daemon(limits={"api": bucket("1/h", 10)})
        result = self.rategate("check", "api", "--cost", "3", daemon=daemon)
        self.assert_success(result)
        self.assertRegex(result.stdout, r"^allowed: 7 of 10 left in the bucket, full in \d+ s\n$")
        result = self.rategate("check", "api", "--cost", "8", daemon=daemon)
        self.assertRegex(result.stdout, r"^denied: over the limit, try again in \d+ s\n$")
        result = self.rategate("check", "api", "--cost", "11", daemon=daemon)
        self.assertEqual(result.stdout, "denied: the cost never fits, with a burst of 10\n")
        told = json.loads(self.rategate("check", "api", "--json", daemon=daemon).stdout)
        self.assertEqual((told["algorithm"], told["limit"], told["burst"], told["remaining"]),
                         ("gcra", 1, 10, 6))

    def test_rules_for_keys_and_shadows_are_told(self):
        daemon = self.daemon(limits={
            "api": {"limit": "1/h", "keys": {"bot-*": "blocked", "10.*": "unlimited"}},
            "tried": {"limit": "1/h", "shadow": True, "keys": {"a": "2/h"}}})
        for key, code, told in (
                ("bot-1", 1, "denied: the key is blocked, by the rule for 'bot-*'"),
                ("10.1", 0, "allowed: the key is unlimited, by the rule for '10.*'")):
            result = self.rategate("check", "api", key, daemon=daemon)
            self.assertEqual((result.returncode, result.stdout), (code, told + "\n"))
        self.assert_success(self.rategate("check", "tried", daemon=daemon))
        result = self.rategate("check", "tried", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout),
                         (0, "allowed: a shadow limit, which would deny it: over the limit\n"))
        told = json.loads(self.rategate("check", "tried", "a", "--json", daemon=daemon).stdout)
        self.assertEqual((told["rule"], told["limit"], told["shadow"]), ("a", 2, False))
        rows = self.rategate("limits", daemon=daemon).stdout
        self.assertIn("1/1h (2 rules)", rows)
        self.assertIn("1/1h (shadow) (1 rule)", rows)

    def test_a_limit_that_is_not_there(self):
        daemon = self.daemon(limits={"api": "1/h"})
        result = self.rategate("check", "apx", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("rategate: NOLIMIT no limit named 'apx'; did you mean 'api'?", result.stderr)
        self.assertIn("--limit 100 --period 1s", result.stderr)
        closed = self.daemon(limits={"api": "1/h"}, server={"declared_limits": False})
        result = self.rategate("check", "apx", "--limit", "1", daemon=closed)
        self.assertEqual(result.returncode, 2)
        self.assertNotIn("--limit", result.stderr)
        self.assertIn("rategate limits", result.stderr)

    def test_an_outage_is_no_mistake(self):
        limits = {"api": {"limit": 1, "period": "1h", "on_store_down": "error"}}
        server = self.redis()
        daemon = self.daemon(server, limits=limits)
        server.kill9()
        wait_until(lambda: self.rategate("check", "api", daemon=daemon).returncode == 3, 10,
                   "an outage")
        # Whoever chooses the key does not choose to be let pass.
        for size in (600, 100_000):
            for at in (daemon, "/nowhere"):
                result = self.rategate("check", "api", "k" * size, daemon=at)
                self.assertEqual(result.returncode, 2)

    def test_an_answer_that_cannot_be_written_is_an_error(self):
        daemon = self.daemon()
        with open("/dev/full", "w", encoding="ascii") as full:
            code = subprocess.run([COMMAND, "--socket", daemon.socket, "check", "api"], stdout=full,
                                  stderr=subprocess.DEVNULL, check=False).returncode
        self.assertEqual(code, 2)


class Peek(Case):
    def test_it_takes_nothing_and_ends_as_a_check_would(self):
        daemon = self.daemon(limits={"api": "2/h", "bucket": bucket("1/h", 10)})
        for _ in range(3):
            result = self.rategate("peek", "api", "--cost", "2", daemon=daemon)
            self.assert_success(result)
            self.assertRegex(result.stdout, r"^would be allowed: 2 left, reset in \d+ m?s\n$")
            result = self.rategate("peek", "bucket", "alice", "--cost", "10", daemon=daemon)
            self.assertRegex(result.stdout, r"^would be allowed: 10 left(, reset in \d+ ms)?\n$")
        self.assert_success(self.rategate("check", "api", "--cost", "2", daemon=daemon))
        result = self.rategate("peek", "api", daemon=daemon)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, r"^would be denied: over the limit, try again in \d+ m?s\n$")
        result = self.rategate("peek", "api", "--cost", "3", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout),
                         (1, "would be denied: the cost never fits\n"))

    def test_json_quiet_and_declaration(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "3", "--period", "1h")
        told = json.loads(self.rategate("peek", *words, "--json", daemon=daemon).stdout)
        self.assertTrue(0 < told.pop("reset_after_ms") <= 3_600_000)
        self.assertEqual(told, {"allowed": True, "limit": 3, "remaining": 3, "retry_after_ms": 0,
                                "reason": 0, "reason_text": "counted"})
        self.assertEqual(self.rategate("check", *words, "--cost", "3", daemon=daemon).returncode, 0)
        result = self.rategate("peek", "-q", *words, daemon=daemon)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", ""))

    def test_an_outage_is_no_mistake(self):
        self.assertEqual(self.rategate("peek", "api", daemon="/nowhere").returncode, 3)
        self.assertEqual(self.rategate("peek", "api", "k" * 600, daemon="/nowhere").returncode, 2)
        self.assertEqual(self.rategate("peek", "apx", daemon=self.daemon(limits={})).returncode, 2)


class Explain(Case):
    def test_it_says_why_and_ends_as_a_check_would(self):
        daemon = self.daemon(limits={"api": "2/h"})
        for _ in range(3):
            result = self.rategate("explain", "api", "alice", "--cost", "2", daemon=daemon)
            self.assert_success(result)
            self.assertRegex(result.stdout, r"^allowed: 2 of 2 are left in this window, which ends in "
                                            r"\d+ (ms|s|min)\n"
                                            r"then: 1 such check can be allowed as it is now; the one after "
                                            r"is denied, unless permits come back before\n\n"
                                            r"limit +api, 2 per 1h, fixed-window\n"
                                            r"key +alice\n")
        self.assert_success(self.rategate("check", "api", "alice", "--cost", "2", daemon=daemon))
        result = self.rategate("explain", "api", "alice", daemon=daemon)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        first, *lines = result.stdout.splitlines()
        self.assertRegex(first, r"^denied: 2 of 2 were given out in this window; "
                                r"the next window opens in \d+ (ms|s|min)$")
        self.assertRegex(lines[0], r"^then: may be allowed in \d+ (ms|s|min), unless others ")
        values = dict(re.split(r" {2,}", line, maxsplit=1) for line in lines[2:])
        self.assertEqual(values["mode"], "exact (small limit)")
        self.assertRegex(values["counter"], r"^rategate:\{api:alice\}:1h:\d+$")
        self.assertRegex(values["window"], r"^\d{4}-\d\d-\d\d \d\d:00:00 UTC to .*, ends in \d+ m?s$")
        self.assertEqual(values["known"], "0 left in the store; exhausted")
        self.assertEqual((values["held here"], values["line"]), ("nothing", "nobody waits"))
        self.assertEqual(values["store"], "up, its clock is good")
        self.assertNotIn("rule", values)  # nothing is said of what there is not

    def test_json_and_declaration(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "3", "--period", "1h")
        told = json.loads(self.rategate("explain", *words, "--json", daemon=daemon).stdout)
        self.assertEqual((told["allowed"], told["shadow"], told["remaining"], told["changes_in_ms"]),
                         (True, False, 3, None))
        self.assertEqual(told["limits"][0]["counters"][0]["slot"], False)
        self.assertEqual(told["limits"][0]["key"], "alice")

    def test_a_key_does_not_command_the_terminal(self):
        daemon = self.daemon(limits={"api": {"limit": "2/h", "keys": {"*": "blocked"}}})
        result = self.rategate("explain", "api", "a\x1b[2J\nb", daemon=daemon)
        self.assertEqual(result.returncode, 1)
        self.assertIn("denied: the rule for '*' blocks this key\n", result.stdout)
        self.assertIn("a?[2J?b\n", result.stdout)

    def test_mistakes_and_outages(self):
        daemon = self.daemon(limits={"api": "1/h"})
        result = self.rategate("explain", "apx", daemon=daemon)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("rategate: NOLIMIT no limit named 'apx'; did you mean 'api'?", result.stderr)
        for at, key, code in ((daemon, "k" * 600, 2), ("/nowhere", "k" * 600, 2), ("/nowhere", "k", 3)):
            self.assertEqual(self.rategate("explain", "api", key, daemon=at).returncode, code)


class Clear(Case):
    def test_a_limit_begins_anew(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "5", "--period", "1h")
        self.assertEqual(self.rategate("clear", *words, daemon=daemon).stdout,
                         "there was nothing to clear\n")
        for said, told in (((), "5 were cleared\n"), (("--json",), '{"cleared":5}\n')):
            self.assert_success(self.rategate("check", *words, "--cost", "5", daemon=daemon))
            result = self.rategate("clear", *words, *said, daemon=daemon)
            self.assert_success(result)
            self.assertEqual(result.stdout, told)

    def test_errors(self):
        daemon = self.daemon()
        result = self.rategate("clear", "apo", daemon=daemon)
        self.assertEqual(result.returncode, 2)
        self.assertIn("no limit named 'apo'", result.stderr)


class Settle(Case):
    def receipt(self, daemon, *words):
        told = self.rategate("check", "--json", *words, daemon=daemon)
        self.assert_success(told)
        return str(json.loads(told.stdout)["receipt"])

    def test_what_was_not_used_can_be_taken_again(self):
        daemon = self.daemon()
        words = ("login", "alice", "--limit", "5", "--period", "1h")
        receipt = self.receipt(daemon, *words, "--cost", "5")
        settled = ("--took", "5", "--used", "3", "--receipt")
        result = self.rategate("settle", *words, *settled, receipt, daemon=daemon)
        self.assert_success(result)
        self.assertEqual(result.stdout, "2 came back\n")
        result = self.rategate("check", "-q", *words, "--cost", "2", daemon=daemon)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(self.rategate("check", "-q", *words, daemon=daemon).returncode, 1)
        result = self.rategate("settle", *words, *settled, "1", daemon=daemon)
        self.assert_success(result)
        self.assertEqual(result.stdout, "nothing came back\n")
        result = self.rategate("settle", *words, "--took", "0", "--used", "7", "--receipt", receipt,
                               daemon=daemon)
        self.assert_success(result)
        self.assertEqual(result.stdout, "7 more were charged\n")

    def test_refund_and_json(self):
        daemon = self.daemon(limits={"api": "5/h"})
        receipt = self.receipt(daemon, "api", "--cost", "5")
        result = self.rategate("refund", "api", "--receipt", receipt, daemon=daemon)
        self.assert_success(result)
        self.assertEqual(result.stdout, "1 came back\n")
        result = self.rategate("refund", "api", "--cost", "4", "--receipt", receipt, "--json",
                               daemon=daemon)
        self.assertEqual(json.loads(result.stdout), {"back": 4})
        result = self.rategate("settle", "api", "--took", "1", "--used", "2", "--receipt", receipt,
                               "--json", daemon=daemon)
        self.assertEqual(json.loads(result.stdout), {"back": -1})

    def test_of_a_bucket_the_receipt_is_the_moment_of_the_answer(self):
        daemon = self.daemon(limits={"api": bucket("1/h", 10, mode="exact", settle="store")})
        receipt = self.receipt(daemon, "api", "--cost", "10")
        result = self.rategate("settle", "api", "--took", "10", "--used", "4", "--receipt", receipt,
                               daemon=daemon)
        self.assertEqual(result.stdout, "6 came back\n")
        result = self.rategate("check", "-q", "api", "--cost", "6", daemon=daemon)
        self.assertEqual(result.returncode, 0)

    def test_mistakes_and_an_outage(self):
        daemon = self.daemon(limits={"off": {"limit": 5, "period": "1h", "settle": "off"}})
        refund = ("refund", "off", "--receipt")
        for words in (("refund", "off"), ("settle", "off", "--took", "1", "--receipt", "1"),
                      (*refund, "-1"), (*refund, "9007199254740992"), (*refund, "1", "--cost", "0"),
                      (*refund, "1"), ("refund", "apx", "--receipt", "1")):
            with self.subTest(words=words):
                result = self.rategate(*words, daemon=daemon)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)
        self.assertIn("settle is off", self.rategate(*refund, "1", daemon=daemon).stderr)
        self.assertEqual(self.rategate(*refund, "1", daemon="/nowhere").returncode, 3)


class Others(Case):
    def test_ping(self):
        daemon = self.daemon()
        result = self.rategate("ping", daemon=daemon)
        self.assert_success(result)
        self.assertRegex(result.stdout,
                         rf"^PONG from {re.escape(daemon.socket)} in \d+\.\d\d ms\n$")
        result = self.rategate("ping", "--json", daemon=daemon)
        self.assert_success(result)
        told = json.loads(result.stdout)
        self.assertGreater(told.pop("round_trip_us"), 0)
        self.assertEqual(told, {"ok": True, "socket": daemon.socket})
        result = self.rategate("ping", "--json", daemon="/nowhere")
        self.assertEqual((result.returncode, result.stdout), (3, ""))

    def test_limits(self):
        daemon = self.daemon(limits={"api": "5/10s", "mail": {
            "limit": 100, "period": "1min", "redis_key": "mail:%w", "on_store_down": "allow"},
                                     "work": {"limit": 3, "algorithm": "concurrency"}})
        self.rategate("check", "api", daemon=daemon)
        self.rategate("check", "new", "--limit", "7", daemon=daemon)
        result = self.rategate("limits", daemon=daemon)
        self.assert_success(result)
        rows = [re.split(r"  +", line) for line in result.stdout.splitlines()]
        self.assertEqual(rows, [
            ["NAME", "LIMIT", "ON STORE DOWN", "ALLOWED", "DENIED", "COUNTER"],
            ["api", "5/10s", "deny", "1", "0", "rategate:{%n:%k}:%p:%w"],
            ["mail", "100/1m", "allow", "0", "0", "mail:%w"],
            ["work", "3 at a time", "deny", "0", "0", "rategate:{%n:%k}:holds"],
            ["new", "7/1s (declared)", "deny", "1", "0", "rategate:{%n:%k}:%p:%w"]])
        limits = json.loads(self.rategate("limits", "--json", daemon=daemon).stdout)
        self.assertEqual([limit["name"] for limit in limits], ["api", "mail", "work", "new"])
        self.assertEqual((limits[1]["limit"], limits[1]["period_ms"]), (100, 60000))
        result = self.rategate("limits", daemon=self.daemon(limits={}))
        self.assert_success(result)
        self.assertIn("There are no limits", result.stdout)

    def test_info(self):
        daemon = self.daemon()
        text = self.rategate("info", daemon=daemon).stdout
        self.assertIn("# Server\n", text)
        self.assertNotIn("\r", text)
        parsed = json.loads(self.rategate("info", "--json", daemon=daemon).stdout)
        self.assertEqual(set(parsed), set(re.findall(r"^# (\w+)$", text, re.M)))
        self.assertEqual(parsed["Server"]["process_id"], daemon.pid)
        only = json.loads(self.rategate("info", "store", "stats", "--json", daemon=daemon).stdout)
        self.assertEqual(set(only), {"Store", "Stats"})
        result = self.rategate("info", "nothing", daemon=daemon)
        self.assertEqual(result.returncode, 2)

    def test_the_socket_is_the_options_else_the_environments(self):
        daemon = self.daemon()
        for words in (("--socket", daemon.socket, "ping"), ("ping", "--socket", daemon.socket)):
            self.assert_success(self.rategate(*words, daemon="/nowhere"))
        result = self.rategate("ping", daemon="/nowhere")
        self.assertIn("/nowhere", result.stderr)


class Mistakes(Case):
    def test_help_and_version(self):
        result = self.rategate("--version")
        self.assert_success(result)
        self.assertRegex(result.stdout, r"^rategate \d+\.\d+\.\d+\n$")
        for words in ((), ("check",), ("acquire",), ("peek",), ("explain",), ("run",), ("limits",),
                      ("ping",), ("info",)):
            result = self.rategate(*words, "--help")
            self.assert_success(result)
            self.assertIn("Usage: rategate", result.stdout)
            self.assertLess(max(map(len, result.stdout.splitlines())), 120)
        self.assertIn("LIMIT [KEY] -- COMMAND", self.rategate("run", "--help").stdout)

    def test_what_cannot_be_asked(self):
        for words in ((), ("chek",), ("check",), ("check", "api", "key", "more"),
                      ("check", "a b"), ("check", "api", "--cost", "0"),
                      ("check", "api", "--cost", "x"), ("check", "api", "--period", "1s"),
                      ("check", "api", "--limit", "1", "--period", "1"),
                      ("check", "api", "--limit", "1", "--period", "1ms"), ("ping", "--what")):
            with self.subTest(words=words):
                result = self.rategate(*words, daemon="/nowhere")
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)

    def test_numbers_are_in_tens(self):
        daemon = self.daemon(limits={"api": "100/h"})
        self.assertIn("90 of 100", self.rategate("check", "api", "--cost", "010",
                                                 daemon=daemon).stdout)
        for number in ("0x10", "+1", "\t5", "1 ", "1e2", "", "9" * 30):
            result = self.rategate("check", "api", "--cost", number, daemon=daemon)
            self.assertEqual((result.returncode, result.stdout), (2, ""), number)

    def test_run_names_the_option_that_there_is_not(self):
        result = self.rategate("run", "--quiet", "api", "--", "true", daemon="/nowhere")
        self.assertEqual(result.returncode, 125)
        self.assertIn("--quiet", result.stderr)

    def test_a_command_that_there_is_not(self):
        result = self.rategate("chek", "api")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr, "rategate: there is no command 'chek'; there are check, acquire, "
                                        "checkall, peek, explain, settle, refund, clear, reload, run, "
                                        "enter, stay, leave, limits, ping, info\n")

    def test_where_nothing_listens_it_says_how_to_start_one(self):
        path = self.tmp() + "/rg.sock"
        result = self.rategate("check", "api", daemon=path)
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn(f"cannot connect to {path}", result.stderr)
        self.assertIn("systemctl start rategated", result.stderr)
        # and what it says works
        command = next(line for line in result.stderr.splitlines() if "--memory" in line).split()
        daemon = self.daemon(args=command[1:], socket_path=path)
        self.assert_success(self.rategate("check", "api", daemon=daemon))

    def without_permission(self, path):
        """The command's result as a user who is neither root nor in any group of the socket's."""
        # The build folder may be one that such a user cannot enter.
        folder = self.tmp()
        os.chmod(folder, 0o755)
        command = shutil.copy(COMMAND, folder)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        return self.run_program(command, "check", "api", daemon=path, cwd=folder, **options)

    def test_without_permission_it_says_which_group(self):
        daemon = self.daemon(server={"socket_mode": "0660"})
        os.chmod(daemon.dir, 0o755)
        group = grp.getgrgid(os.stat(daemon.socket).st_gid).gr_name
        owner = pwd.getpwuid(os.stat(daemon.socket).st_uid).pw_name
        if os.geteuid() == 0:
            result = self.without_permission(daemon.socket)
            self.assertEqual(result.returncode, 3)
            self.assertIn(f"{daemon.socket} is for members of group '{group}'", result.stderr)
            self.assertIn(f"usermod -aG {group}", result.stderr)
        os.chmod(daemon.socket, 0o600 if os.geteuid() == 0 else 0)
        result = self.without_permission(daemon.socket)
        self.assertIn(f"{daemon.socket} is for its owner '{owner}' only", result.stderr)
        self.assertIn("socket_group", result.stderr)
        os.chmod(daemon.socket, 0o666)
        os.chmod(daemon.dir, 0o700 if os.geteuid() == 0 else 0)
        result = self.without_permission(daemon.socket)
        os.chmod(daemon.dir, stat.S_IRWXU)
        self.assertIn(f"{daemon.dir} is for its owner '{owner}' only", result.stderr)

    def test_another_program_at_the_socket(self):
        result = answered_by_another(self, (b"220 mail.example.org ESMTP\r\n",), "check", "api")
        self.assertEqual(result.returncode, 2)
        self.assertIn("Is this the socket of another program?", result.stderr)

    def test_answers_of_other_types_than_rategated_gives(self):
        strings = (b"+OK\r\n", b"$5\r\nhello\r\n", b"$0\r\n\r\n", b"$-1\r\n", b"*-1\r\n")
        arrays = (b"*0\r\n", b"*1\r\n*0\r\n", b"*6\r\n" + b":1\r\n" * 6, b":5\r\n",
                  b"*3000\r\n" + b":1\r\n" * 3000, b"*2\r\n*0\r\n*0\r\n")
        for words, answers in ((("ping",), strings + arrays),
                               (("limits",), strings + arrays[1:]),
                               (("limits", "--json"), strings + arrays[1:]),
                               (("check", "api"), strings + arrays),
                               (("info",), strings[3:] + arrays)):
            for answer in answers:
                with self.subTest(words=words, answer=answer[:20]):
                    result = answered_by_another(self, (answer,), *words)
                    self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                    self.assertTrue(result.stderr.startswith("rategate: "), result.stderr)

    def test_an_older_daemon_is_asked_by_what_it_knows(self):
        unknown = b"-ERR unknown command 'CHECKX', with args beginning with: 'api' \r\n"
        decision = b"*6\r\n:1\r\n:10\r\n:2\r\n:0\r\n:101\r\n:0\r\n"
        result = answered_by_another(self, (unknown, decision), "check", "api")
        self.assert_success(result)
        self.assertEqual(result.stdout, "allowed: 2 left, reset in 101 ms\n")
        result = answered_by_another(self, (unknown, decision), "check", "api", "--json")
        self.assertEqual(json.loads(result.stdout)["remaining"], 2)
        result = answered_by_another(self, (unknown,), "peek", "api")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("unknown command", result.stderr)

    def test_what_another_program_says_does_not_command_the_terminal(self):
        result = answered_by_another(self, (b"-ERR \x1b[31mred\r\n",), "ping")
        self.assertEqual(result.returncode, 2)
        self.assertNotIn("\x1b", result.stderr)


if __name__ == "__main__":
    main()
