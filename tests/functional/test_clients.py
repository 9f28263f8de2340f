"""Ordinary clients, as they are installed: redis-cli, redis-py, nc."""

import os
import subprocess
import threading

import redis as redis_py

import harness


class Clients(harness.Case):
    def setUp(self):
        self.rategated = self.daemon(limits={"api": "5/h", "web": "2/h"})

    def run_program(self, *command, text=None):
        done = subprocess.run([str(c) for c in command], input=text and text.encode(),
                              capture_output=True, timeout=30 * harness.SLOW, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def redis_cli(self, *words):
        return self.run_program("redis-cli", "-s", self.rategated.socket, *words)

    # redis-cli

    def test_redis_cli_checks(self):
        first = [int(line) for line in self.redis_cli("CHECK", "api").split()]
        self.assertEqual(first[:4] + first[5:], [1, 5, 4, 0, harness.COUNTED])
        self.assertGreater(first[4], 0)
        third = [int(line) for line in self.redis_cli("-3", "check", "api", "COST", "3").split()]
        self.assertEqual(third[:3], [1, 5, 1])
        keyed = [int(line) for line in self.redis_cli("CHECK", "api", "a key").split()]
        self.assertEqual(keyed[:3], [1, 5, 4])
        self.assertIn("NOLIMIT no limit named 'apy'; did you mean 'api'?",
                      self.redis_cli("CHECK", "apy"))

    def test_redis_cli_looks(self):
        for protocol in ("-2", "-3"):
            self.assertEqual(self.redis_cli(protocol, "PING"), "PONG\n")
            self.assertEqual(self.redis_cli(protocol, "ECHO", "a\r\nb"), "a\r\nb\n")
            limits = self.redis_cli(protocol, "LIMITS")
            self.assertIn("api", limits)
            self.assertIn("web", limits)
            info = self.redis_cli(protocol, "INFO")
            for section in ("server", "clients", "store", "limits", "stats"):
                self.assertIn(f"# {section}", info.lower())
            self.assertIn("connected_clients:", self.redis_cli(protocol, "INFO", "clients"))
            self.assertNotIn("connected_clients:", self.redis_cli(protocol, "INFO", "store"))
            self.assertIn("unknown command", self.redis_cli(protocol, "GET", "x"))
        hello = self.redis_cli("-3", "HELLO", "3")
        version = (harness.SOURCE_DIR / "VERSION").read_text(encoding="ascii").strip()
        self.assertIn(version, hello)

    def test_redis_cli_by_standard_input(self):
        lines = self.run_program("redis-cli", "-s", self.rategated.socket,
                                 text="CHECK web\nCHECK web\nCHECK web\nPING\n").split("\n")
        allowed = [lines[n * 6] for n in range(3)]
        self.assertEqual((allowed, lines[18]), (["1", "1", "0"], "PONG"))

    # redis-py

    def client(self, **options):
        client = redis_py.Redis(unix_socket_path=self.rategated.socket, **options)
        self.addCleanup(client.close)
        return client

    def test_redis_py_checks(self):
        client = self.client(client_name="tester", decode_responses=True)
        self.assertTrue(client.ping())
        allowed = [client.execute_command("CHECK", "api", "key")[0] for _ in range(6)]
        self.assertEqual(allowed, [1] * 5 + [0])
        with self.assertRaisesRegex(redis_py.exceptions.ResponseError, "no limit named 'none'"):
            client.execute_command("CHECK", "none")
        self.assertEqual(client.client_getname(), "tester")
        self.assertIn("tester", [c["name"] for c in client.client_list()])
        self.assertIsInstance(client.client_id(), int)
        self.assertEqual(client.info("stats")["checks_allowed"], 5)
        self.assertEqual(client.echo("x"), "x")

    def test_redis_py_pipeline(self):
        with self.client().pipeline(transaction=False) as pipeline:
            for n in range(1000):
                pipeline.execute_command("CHECK", "api", f"key{n % 100}")
            replies = pipeline.execute()
        self.assertEqual([reply[0] for reply in replies], [1] * 500 + [0] * 500)

    def test_redis_py_pools_and_threads(self):
        client = self.client(max_connections=16)
        allowed = []

        def ask():
            for _ in range(50):
                allowed.append(client.execute_command("CHECK", "api", "threads")[0])
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(allowed), sum(allowed)), (400, 5))

    def test_redis_py_chooses_a_database(self):
        self.assertTrue(self.client(db=0).ping())
        with self.assertRaises(redis_py.exceptions.ResponseError):
            self.client(db=1).ping()

    def test_redis_py_sends_a_password(self):
        with self.assertRaises(redis_py.exceptions.RedisError):
            self.client(password="x").ping()

    # nc

    def test_netcat(self):
        answer = self.run_program("nc", "-U", "-N", self.rategated.socket,
                                  text="PING\nCHECK web\nCHECK web\nCHECK web\nECHO \"a b\"\nQUIT\n")
        lines = answer.split("\r\n")
        self.assertEqual(lines[0], "+PONG")
        self.assertEqual([lines[1], lines[2], lines[8], lines[9], lines[16]],
                         ["*6", ":1", "*6", ":1", ":0"])
        self.assertEqual(lines[22:], ["$3", "a b", "+OK", ""])

    def test_netcat_that_only_ends_its_input(self):
        """Half closed: the answers still come."""
        answer = self.run_program("nc", "-U", "-N", self.rategated.socket, text="CHECK api k\n" * 8)
        self.assertEqual(answer.split("\r\n")[1::7], [":1"] * 5 + [":0"] * 3)

    # The program itself

    def test_version_and_help(self):
        version = (harness.SOURCE_DIR / "VERSION").read_text(encoding="ascii").strip()
        self.assertIn(version, self.run_program(harness.DAEMON, "--version"))
        text = self.run_program(harness.DAEMON, "--help")
        for option in ("--config", "--check-config", "--print-config", "--socket", "--memory",
                       "--redis", "--limit"):
            self.assertIn(option, text)

    def test_print_config_can_be_used_again(self):
        text = self.run_program(harness.DAEMON, "--print-config", "--config", self.rategated.config)
        path = os.path.join(self.tmp(), "again.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(self.run_program(harness.DAEMON, "--print-config", "--config", path), text)
        self.run_program(harness.DAEMON, "--check-config", "--config", path)


if __name__ == "__main__":
    harness.main()
