"""A Redis whose host vanishes closes nothing: that its connection is dead is noticed all the same."""

import shutil
import time

import harness

TIMEOUT = 0.25  # command_timeout
IDLE = 2.0  # the kernel counts its probes in whole seconds: one, and one more
LIMITS = {"api": {"limit": 1000, "period": "1h", "mode": "exact"}}


class HalfOpen(harness.Case):
    TLS = False

    def setUp(self):
        self.net = self.network()
        tls, settings = (), {}
        if self.TLS:
            harness.require_tls()
            made = harness.Certificates(harness.make_dir())
            self.addCleanup(shutil.rmtree, made.folder)
            made.authority("ca")
            made.issue("server", f"IP:{self.net.far_ip}")
            tls, settings = made.server_words("server"), {"tls": True, "tls_ca": made.crt("ca")}
        self.server = self.redis(tcp=True, tls=tls, host=self.net.far_ip, prefix=self.net.far,
                                 args=["--protected-mode", "no"])
        port = self.server.tls_port if self.TLS else self.server.port
        self.rated = self.daemon(
            self.server, limits=LIMITS, command_prefix=self.net.near,
            redis_settings={"host": self.net.far_ip, "port": port, "connect_timeout": "500ms",
                            "command_timeout": f"{int(TIMEOUT * 1000)}ms", "backoff_max": "200ms",
                            **settings})
        harness.wait_until(lambda: self.rated.check("api").reason == harness.COUNTED, 10,
                           "a check that is counted")
        # A connection of less than a second is not made again at once.
        harness.wait_until(lambda: any(int(line["age"]) > 2 and line["user"] == "rategate"
                                       for line in self.server.db.client_list()), 10, "its age")

    def state(self):
        return self.rated.info("store")["store_status"]

    def comes_back(self):
        self.net.come_back()
        harness.wait_until(lambda: self.state() == "up", 5, "the store")
        self.assertEqual(self.rated.check("api").reason, harness.COUNTED)

    def test_an_idle_connection(self):
        began = time.monotonic()
        self.net.vanish()
        harness.wait_until(lambda: self.state() != "up", 10, "a store that is not up")
        took = time.monotonic() - began
        self.assertLess(took, IDLE + 0.5 * harness.SLOW)
        print(f"noticed after {took:.2f} s", end=" ", flush=True)
        self.comes_back()

    def test_one_that_is_asked(self):
        self.net.vanish()
        began = time.monotonic()
        self.assertEqual(self.rated.check("api").reason, harness.STORE_AWAY)
        # The check was written a little after it came, so its deadline may be the first to pass.
        harness.wait_until(lambda: self.state() != "up", 10, "a store that is not up")
        self.assertLess(time.monotonic() - began, 2 * TIMEOUT + 0.25 * harness.SLOW)
        self.comes_back()


class HalfOpenTls(HalfOpen):
    TLS = True


if __name__ == "__main__":
    harness.main()
