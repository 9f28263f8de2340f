"""[server] tcp: for clients that know no Unix sockets."""

import contextlib
import http.client
import re
import socket
import subprocess

import redis as redis_py

import harness


class Tcp(harness.Case):
    def start(self, address="127.0.0.1:0", **more):
        """A daemon, and the port it says that it listens on."""
        daemon = self.daemon(self.redis(), server={"tcp": address, **more})
        return daemon, int(re.search(r" tcp=\S*:(\d+) ", daemon.wait_log(" ready: ")).group(1))

    def test_asked_as_over_the_socket(self):
        daemon, port = self.start()
        with redis_py.Redis(port=port) as client:
            self.assertTrue(client.ping())
            answers = [client.execute_command("CHECK", "tcp", "LIMIT", 3, "PERIOD", "1h")[0]
                       for _ in range(2)]
            with daemon.conn() as local:
                answers += [local.check("tcp", permits=3, period="1h").allowed for _ in range(2)]
            self.assertEqual(answers, [1, 1, 1, 0])
            listed = client.execute_command("CLIENT", "LIST")
            listed = listed if isinstance(listed, str) else str(listed)
            self.assertIn("127.0.0.1:", listed)

    def test_a_pipeline(self):
        _, port = self.start()
        with redis_py.Redis(port=port) as client:
            pipe = client.pipeline(transaction=False)
            for _ in range(1000):
                pipe.execute_command("CHECK", "tcp", "LIMIT", 600, "PERIOD", "1h")
            self.assertEqual(sum(answer[0] for answer in pipe.execute()), 600)

    def test_version_6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no ::1")
        _, port = self.start("[::1]:0")
        with redis_py.Redis(host="::1", port=port) as client:
            self.assertTrue(client.ping())

    def test_no_shared_memory_over_it(self):
        _, port = self.start()
        with redis_py.Redis(port=port) as client:
            with self.assertRaisesRegex(redis_py.exceptions.ResponseError, "NOSHM"):
                client.execute_command("ATTACH")
            self.assertTrue(client.ping())

    def test_what_a_browser_sends_is_not_obeyed(self):
        """A page may have a browser send a body of the page's choice to any port of its host."""
        daemon, port = self.start()
        check = "CHECK page LIMIT 3 PERIOD 1h\r\n"
        for method in ("POST", "PUT", "OPTIONS", "GET"):
            with self.subTest(method):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, 20)) as page:
                    page.request(method, "/" + check.strip().replace(" ", "+"), body=check * 20,
                                 headers={"Content-Type": "text/plain"})
                    with self.assertRaises((http.client.BadStatusLine, ConnectionError)):
                        page.getresponse()
        # Within a header, behind a method that is not known; and the socket's file is no other.
        for sent in (f"FOO / HTTP/1.1\r\nHost: x\r\n\r\n{check}", f"Host: x\r\n{check}",
                     f"\x16\x03\x01\x02\r\n{check}"):
            with self.subTest(sent), daemon.conn() as local:
                local.send(sent.encode())
                self.assertNotIn(b"*6", local.rest_until_closed())
        self.assertEqual(daemon.info("limits")["declared"], "0")
        self.assertEqual(daemon.check("page", permits=3, period="1h").remaining, 2)
        told = [line for line in daemon.log_text().splitlines() if " protocol_error: " in line]
        self.assertEqual(len(told), 1, told)
        self.assertRegex(told[0], r"client=127\.0\.0\.1:\d+ .*HTTP")

    def refused(self, text):
        path = f"{self.tmp()}/c.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run([harness.DAEMON, "--check-config", "--memory", "--config", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=20, check=False)

    def test_other_hosts_only_where_that_is_said(self):
        done = self.refused('[server]\ntcp = "0.0.0.0:6380"\n')
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"c\.toml:2:\d+: .*tcp_allow_remote")
        done = self.refused('[server]\ntcp = "0.0.0.0:6380"\ntcp_allow_remote = true\n')
        self.assertEqual(done.returncode, 0, done.stdout)
        for wrong in ("localhost:6380", "6380", "127.0.0.1:99999"):
            done = self.refused(f'[server]\ntcp = "{wrong}"\n')
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("expected an address and a port", done.stdout)

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            where = "127.0.0.1:%d" % taken.getsockname()[1]
            folder = self.tmp()
            path = f"{folder}/c.toml"
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'[server]\nsocket = "{folder}/s"\ntcp = "{where}"\n')
            done = subprocess.run([harness.DAEMON, "--memory", "--config", path],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=20, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"cannot listen on {where}: Address already in use", done.stdout)


if __name__ == "__main__":
    harness.main()
