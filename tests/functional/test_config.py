"""The daemon's command line: its exit codes, and what it says where."""

import os
import stat
import subprocess

import harness


class Config(harness.Case):
    def setUp(self):
        self.dir = self.tmp()

    def write(self, text, name="rategate.toml"):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def rategated(self, *arguments, **environment):
        done = subprocess.run([harness.DAEMON, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              cwd=self.dir, env=harness.clean_environ(**environment))
        return done.returncode, done.stdout, done.stderr

    def test_check_says_every_fault(self):
        path = self.write("[server]\nsokcet = 1\n[limits]\napi = 5\n")
        code, out, err = self.rategated("--config", path, "--check-config")
        self.assertEqual((code, out), (1, ""))
        lines = err.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0], f"rategated: {path}:2:1: unknown setting 'sokcet' in [server]; "
                                   "did you mean 'socket'?")
        self.assertTrue(lines[1].startswith(f"rategated: {path}:4:7: limit 'api': expected "))
        self.assertTrue(lines[2].startswith(f"rategated: {path}: no store is chosen: "))

    def test_check_of_a_good_one_is_quiet(self):
        path = self.write("[redis]\nhost = \"nowhere.invalid\"\n")
        self.assertEqual(self.rategated("--config", path, "--check-config"), (0, "", ""))

    def test_accounts_that_are_not_there(self):
        for setting, who in (("socket_group", "group"), ("shm_users", "user"), ("shm_groups", "group")):
            path = self.write(f"store = \"memory\"\n[server]\n{setting} = \"rg-nobodys\"\n")
            code, out, err = self.rategated("--config", path, "--check-config")
            self.assertEqual((code, out), (1, ""))
            self.assertEqual(err, f"rategated: there is no {who} 'rg-nobodys' ({setting})\n")

    def test_hosts_that_are_none(self):
        for host, why in (("rediss://h", "--redis"), ("10.0.0.1:6379", "port (REDIS_PORT)")):
            path = self.write(f"[redis]\nhost = \"{host}\"\n")
            code, out, err = self.rategated("--config", path, "--check-config")
            self.assertEqual((code, out), (1, ""))
            self.assertTrue(err.startswith(f"rategated: {path}:2:8: host in [redis]: expected "), err)
            self.assertIn(why, err)
        code, out, err = self.rategated("--check-config", REDIS_HOST="redis://h:6379")
        self.assertEqual((code, out), (1, ""))
        self.assertTrue(err.startswith("rategated: REDIS_HOST: expected "), err)
        self.assertIn("--redis", err)

    def test_what_kubernetes_sets_beside_a_service_named_redis(self):
        links = {"REDIS_PORT": "tcp://10.0.0.1:6379", "REDIS_SERVICE_HOST": "10.0.0.1",
                 "REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379"}
        path = self.write("[redis]\nhost = \"redis.default.svc.cluster.local\"\n")
        code, _, err = self.rategated("--config", path, "--check-config", **links)
        self.assertEqual(code, 1)
        self.assertIn("enableServiceLinks: false", err)
        code, out, err = self.rategated("--config", path, "--redis", "redis://r", "--print-config",
                                        **links)
        self.assertEqual((code, err), (0, ""))
        self.assertIn('host = "r"\nport = 6379\n', out)
        for text in ("store = \"memory\"\n", "[redis]\nunix_socket = \"/run/redis.sock\"\n"):
            path = self.write(text)
            self.assertEqual(self.rategated("--config", path, "--check-config", **links), (0, "", ""))

    def test_groups_and_users_by_number(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a file to any group")
        for group in (4321, "4321"):
            daemon = self.daemon(server={"socket_group": group, "socket_mode": "0640",
                                         "shm_users": 4321, "shm_groups": "4321,4322"})
            socket = os.stat(daemon.socket)
            self.assertEqual((socket.st_gid, stat.S_IMODE(socket.st_mode)), (4321, 0o640))

    def test_without_a_store_it_does_not_start(self):
        path = self.write("")
        code, out, err = self.rategated("--config", path)
        self.assertEqual((code, out), (1, ""))
        for choice in ("[redis]", 'store = "memory"', "REDIS_HOST", "--redis", "--memory"):
            self.assertIn(choice, err)

    def test_what_is_printed_loads_again(self):
        path = self.write("[redis]\nhost = \"a\"\npassword = \"hunter2\"\n")
        self.write("[limits]\napi = \"100/second\"\n", "limits.d/api.toml")
        code, out, err = self.rategated("--config", path, "--print-config", REDIS_PORT="7000")
        self.assertEqual((code, err), (0, ""))
        self.assertNotIn("hunter2", out)
        self.assertIn("\nport = 7000\n", out)
        self.assertIn("\n[limits.api]\nlimit = 100\nperiod = \"1s\"\n", out)
        again = self.write(out, "again/rategate.toml")
        self.assertEqual(self.rategated("--config", again, "--print-config"), (0, out, ""))

    def test_a_credential_of_systemd(self):
        self.write("secret\n", "credentials/redis-password")
        code, out, err = self.rategated("--redis", "redis://a", "--print-config",
                                        CREDENTIALS_DIRECTORY=os.path.join(self.dir, "credentials"))
        self.assertEqual((code, err), (0, ""))
        self.assertIn('\npassword = "********"\n', out)

    def test_mistakes_on_the_command_line(self):
        code, out, err = self.rategated("--bogus")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("--bogus", err)
        code, out, err = self.rategated("--config", os.path.join(self.dir, "none.toml"), "--memory")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("none.toml: there is no such file", err)

    def test_help_version_and_sample(self):
        code, out, err = self.rategated("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("rategated --socket ./rg.sock --memory --limit api=100/second", out)
        with open(harness.SOURCE_DIR / "VERSION", encoding="utf-8") as file:
            version = file.read().strip()
        self.assertEqual(self.rategated("--version"), (0, f"rategated {version}\n", ""))
        with open(harness.SOURCE_DIR / "packaging/rategate.toml", encoding="utf-8") as file:
            self.assertEqual(self.rategated("--print-sample"), (0, file.read(), ""))


if __name__ == "__main__":
    harness.main()
