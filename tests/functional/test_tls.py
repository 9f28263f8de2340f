"""TLS to Redis: whom the daemon believes, what it says of those whom it does not, and that all else is
as it is without."""

import os
import shutil
import subprocess

import harness

HOUR = 3_600_000
REFUSED = "the server's certificate is refused: "
CERTIFICATES = None


def setUpModule():
    global CERTIFICATES
    harness.require_tls()
    CERTIFICATES = made = harness.Certificates(harness.make_dir())
    made.authority("ca")
    made.authority("other-ca")
    made.issue("server", "DNS:redis.test,DNS:localhost,IP:127.0.0.1")
    made.issue("named", "DNS:redis.test")
    made.issue("expired", "DNS:localhost", expired=True)
    made.issue("client", "DNS:rategate")
    made.issue("stranger", "DNS:rategate", by="other-ca")


def tearDownModule():
    shutil.rmtree(CERTIFICATES.folder)


class Tls(harness.Case):
    def server(self, name="server", clients="no", **options):
        return self.redis(tls=CERTIFICATES.server_words(name, clients=clients), **options)

    def settings(self, port, **more):
        """For [redis]; a value of None takes one away."""
        chosen = {"host": "localhost", "port": port, "tls": True, "tls_ca": CERTIFICATES.crt("ca"),
                  "connect_timeout": f"{int(2000 * harness.SLOW)}ms", "backoff_max": "100ms", **more}
        return {name: value for name, value in chosen.items() if value is not None}

    def rategated(self, server, limits=None, env_more=None, port=None, **more):
        return self.daemon(server, limits=limits or {"api": "1000/1h"}, env_more=env_more,
                           redis_settings=self.settings(port or server.tls_port, **more))

    def own(self, name="client"):
        return {"tls_cert": CERTIFICATES.crt(name), "tls_key": CERTIFICATES.key(name)}

    def wait_up(self, daemon, deadline=10):
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "up", deadline, "the store")

    def counts(self, daemon):
        self.wait_up(daemon)
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)

    def wait_error(self, daemon, words):
        harness.wait_until(lambda: words in daemon.info("store")["store_error"], 20,
                           f"{words!r} in INFO's store_error")

    def is_refused(self, daemon, words):
        """Nothing is counted, and log, STATUS and INFO say why."""
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        self.wait_error(daemon, words)
        self.assertEqual(daemon.info("store")["store_status"], "away")
        self.assertIn(words, daemon.wait_log("store_away"))
        harness.wait_until(lambda: words in daemon.notify.status(), 10, f"a STATUS with {words!r}")


class Good(Tls):
    def test_by_name(self):
        server = self.server()
        daemon = self.rategated(server)
        self.counts(daemon)
        self.assertTrue(server.counters("rategate:{api*"))
        self.assertNotIn("tls_insecure", daemon.log_text())

    def test_by_an_address_that_the_certificate_has(self):
        self.counts(self.rategated(self.server(), host="127.0.0.1"))

    def test_by_a_name_that_is_not_the_hosts(self):
        self.counts(self.rategated(self.server("named"), host="127.0.0.1", tls_name="redis.test"))

    def test_by_a_folder_of_authorities(self):
        self.counts(self.rategated(self.server(), tls_ca=CERTIFICATES.folder_of("ca")))

    def test_by_the_authorities_of_the_system(self):
        daemon = self.rategated(self.server(), tls_ca=None,
                                env_more={"SSL_CERT_FILE": CERTIFICATES.crt("ca")})
        self.counts(daemon)

    def test_by_a_url(self):
        server = self.server()
        daemon = self.daemon(args=["--redis", f"rediss://localhost:{server.tls_port}/2", "--limit",
                                   "api=5/h", "--socket", "rg.sock"],
                             env_more={"SSL_CERT_FILE": CERTIFICATES.crt("ca")})
        self.counts(daemon)
        self.assertEqual(server.client(db=2).dbsize(), 2)

    def test_mutual_with_the_least_rights(self):
        server = self.server(clients="yes")
        daemon = self.rategated(server, **self.own())
        self.counts(daemon)
        self.assertNotIn("s3cret", daemon.log_text())

    def test_another_password_on_a_connection_that_is_in_use(self):
        server = self.server()
        daemon = self.rategated(server)
        self.wait_up(daemon)
        daemon.tables["redis"]["password"] = server.user(password="another")["password"]
        daemon.write_config()
        daemon.reload()
        daemon.wait_log(" password_renewed: ")
        self.counts(daemon)
        self.assertEqual(daemon.info("store")["store_reconnects"], "0")

    def test_without_verification_is_warned_of(self):
        daemon = self.rategated(self.server("expired"), tls_name="elsewhere.test", tls_ca=None,
                                tls_insecure_no_verify=True)
        self.counts(daemon)
        self.assertIn("WARN", daemon.wait_log("tls_insecure").upper())


class Refused(Tls):
    def says_nothing(self, words, name="server", **more):
        """It is refused before the password was sent."""
        server = self.server(name)
        user = server.user()
        daemon = self.rategated(server, **user, **more)
        self.is_refused(daemon, words)
        self.assertNotIn("cmdstat_auth", server.db.info("commandstats"))
        self.assertNotIn(user["password"], daemon.log_text())

    def test_another_name(self):
        self.says_nothing(REFUSED + "hostname mismatch, expected one for other.test",
                          tls_name="other.test")

    def test_an_address_that_the_certificate_does_not_have(self):
        self.says_nothing(REFUSED + "IP address mismatch, expected one for 127.0.0.1", "named",
                          host="127.0.0.1")

    def test_expired(self):
        self.says_nothing(REFUSED + "certificate has expired", "expired")

    def test_an_authority_that_is_not_trusted(self):
        self.says_nothing(REFUSED + "self-signed certificate in certificate chain",
                          tls_ca=CERTIFICATES.crt("other-ca"))

    def test_without_a_certificate_of_its_own(self):
        self.is_refused(self.rategated(self.server(clients="yes")), "certificate required")

    def test_with_a_certificate_of_a_stranger(self):
        self.is_refused(self.rategated(self.server(clients="yes"), **self.own("stranger")),
                        "unknown ca")

    def test_a_wrong_password(self):
        server = self.server()
        user = server.user() | {"password": "wrong-one"}
        daemon = self.rategated(server, **user)
        self.is_refused(daemon, "WRONGPASS")
        self.assertNotIn("wrong-one", daemon.log_text())

    def test_tls_to_a_server_without_it(self):
        server = self.redis(tcp=True)
        daemon = self.rategated(server, port=server.port, connect_timeout="200ms")
        self.is_refused(daemon, "TLS")
        error = daemon.info("store")["store_error"]
        self.assertRegex(error, "the TLS handshake is not answered|does not speak TLS|in the TLS handshake")

    def test_no_tls_to_a_server_with_it(self):
        server = self.server()
        self.is_refused(self.rategated(server, tls=None, tls_ca=None), "it may speak TLS only")


class Files(Tls):
    def check_config(self, **more):
        """What is said of such a configuration, without where it stands."""
        path = os.path.join(self.tmp(), "rategate.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[redis]\n")
            file.writelines(f"{name} = {harness.toml(value)}\n"
                            for name, value in self.settings(6380, **more).items())
        done = subprocess.run([harness.DAEMON, "--config", path, "--check-config"], text=True,
                              env=harness.clean_environ(), capture_output=True, check=False)
        if done.returncode == 0:
            return ""
        self.assertRegex(done.stderr, rf"^rategated: {path}:\d+:\d+: ")
        return done.stderr.split(": ", 2)[2].rstrip("\n")

    def test_good_ones_are_quiet(self):
        self.assertEqual(self.check_config(**self.own()), "")

    def test_a_key_of_another_certificate(self):
        said = self.check_config(tls_cert=CERTIFICATES.crt("client"), tls_key=CERTIFICATES.key("server"))
        self.assertEqual(said, f"tls_key in [redis]: {CERTIFICATES.key('server')} is not the key of "
                               f"the certificate in {CERTIFICATES.crt('client')}")

    def test_a_key_with_a_pass_phrase(self):
        CERTIFICATES.with_pass_phrase("client", "locked")
        self.assertIn("has a pass phrase, expected a key without one",
                      self.check_config(tls_cert=CERTIFICATES.crt("client"),
                                        tls_key=CERTIFICATES.key("locked")))

    def test_one_that_is_missing(self):
        self.assertEqual(self.check_config(tls_ca="/nonexistent/ca"),
                         "tls_ca in [redis]: /nonexistent/ca does not exist")
        self.assertEqual(self.check_config(tls_cert=CERTIFICATES.crt("client")),
                         "tls_cert in [redis]: expected a tls_key with it")

    def renewed(self, name, source):
        """A copy of the files of `source`, under another name; renamed into place."""
        for of in (CERTIFICATES.crt, CERTIFICATES.key):
            shutil.copy(of(source), of(name + "-new"))
        CERTIFICATES.rename(name + "-new", name)

    def test_what_is_renewed_is_used_by_the_next_connection(self):
        self.renewed("mine", "stranger")
        daemon = self.rategated(self.server(clients="yes"), **self.own("mine"))
        self.is_refused(daemon, "unknown ca")
        self.renewed("mine", "client")
        self.counts(daemon)

    def test_one_that_goes_while_it_runs(self):
        self.renewed("gone", "client")
        server = self.server(clients="yes")
        daemon = self.rategated(server, **self.own("gone"))
        self.counts(daemon)
        os.rename(CERTIFICATES.crt("gone"), CERTIFICATES.crt("away"))
        server.restart()
        self.wait_error(daemon, f"tls_cert in [redis]: {CERTIFICATES.crt('gone')} does not exist")
        os.rename(CERTIFICATES.crt("away"), CERTIFICATES.crt("gone"))
        self.wait_up(daemon)

    def test_a_server_that_renews_its_own(self):
        self.renewed("served", "expired")
        server = self.server("served")
        daemon = self.rategated(server)
        self.is_refused(daemon, "certificate has expired")
        self.renewed("served", "server")
        server.restart()
        self.counts(daemon)


class Faults(Tls):
    def test_a_server_that_is_killed_and_comes_back(self):
        server = self.server()
        daemon = self.rategated(server)
        self.counts(daemon)
        server.kill9()
        harness.wait_until(lambda: daemon.check("api", "k").reason == harness.STORE_AWAY, 10,
                           "a store that is away")
        server.start()
        self.wait_up(daemon)

    def test_a_connection_that_is_cut_anywhere(self):
        server = self.server()
        way = self.cutter(server.tls_port)
        daemon = self.rategated(server, port=way.port, backoff_min="1ms", backoff_max="10ms")
        self.counts(daemon)
        for count in (1, 5, 100, 700, 1000, 1500, 2000, 2500, 3000, 4000):
            cuts = way.cuts
            way.cut_next(count)
            way.cut()
            harness.wait_until(lambda done=cuts: way.cuts > done, 10,
                               f"a connection that is cut behind {count} bytes")
            self.wait_up(daemon)
            self.assertEqual(daemon.check("api", f"k{count}").reason, harness.COUNTED)

    def test_a_server_that_is_stopped(self):
        server = self.server()
        self.addCleanup(server.cont)
        daemon = self.rategated(server, limits={"api": {"limit": 10, "period": "1h", "mode": "exact"}})
        self.counts(daemon)
        server.stop()
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "api", f"k{n}") for n in range(3000)])
        reasons = {harness.decision(reply).reason for reply in replies}
        self.assertEqual(reasons, {harness.STORE_AWAY})
        # The system still accepts connections for it: nobody answers the handshake.
        self.wait_error(daemon, "cannot connect in time: the TLS handshake is not answered")
        server.cont()
        # It first comes through all that was asked of it meanwhile.
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 10, "a count")
        self.counts(daemon)


class Load(Tls):
    LIMIT = 1000

    def holds(self, mode):
        server = self.server()
        harness.wait_for_window(HOUR, server.now_ms, (0.0, 1 - 60 / 3600))
        limits = {"api": {"limit": self.LIMIT, "period": "1h", "mode": mode}}
        daemons = [self.rategated(server, limits=limits) for _ in range(2)]
        for daemon in daemons:
            self.wait_up(daemon)
        allowed = 0
        for _ in range(3):
            for daemon in daemons:
                with daemon.conn() as conn:
                    replies = conn.pipeline([("CHECK", "api")] * 1000)
                decisions = [harness.decision(reply) for reply in replies]
                allowed += sum(one.allowed for one in decisions)
                self.assertNotIn(harness.STORE_AWAY, [one.reason for one in decisions])
        self.assertLessEqual(allowed, self.LIMIT)
        self.assertEqual(max(server.counters("rategate:{api*").values()), self.LIMIT)
        return allowed

    def test_exact(self):
        self.assertEqual(self.holds("exact"), self.LIMIT)

    def test_leased(self):
        self.assertGreater(self.holds("lease"), 0)

    def test_many_counters_at_once(self):
        daemon = self.rategated(self.server(), limits={"api": {"limit": 2, "period": "1h",
                                                               "mode": "exact"}},
                                command_timeout=f"{int(5000 * harness.SLOW)}ms")
        self.wait_up(daemon)
        with daemon.conn(60) as conn:
            replies = conn.pipeline([("CHECK", "api", f"{n % 1500:0>200}") for n in range(4500)])
        decisions = [harness.decision(reply) for reply in replies]
        self.assertEqual(sum(one.allowed for one in decisions), 3000)
        self.assertEqual({one.reason for one in decisions}, {harness.COUNTED, harness.OVER_LIMIT})


if __name__ == "__main__":
    harness.main()
