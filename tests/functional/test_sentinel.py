"""Redis Sentinel: whom the daemon follows, that it follows a majority alone, how soon, and what it says."""

import os
import shutil
import subprocess
import time

import harness

# Short enough that a window which was lost does not hide when the store decides again.
SHORT = {"limit": 1_000_000, "period": "250ms", "mode": "exact"}
SHARED = None


def setUpModule():
    global SHARED
    SHARED = harness.SentinelSet()


def tearDownModule():
    SHARED.close()


class Sentinel(harness.Case):
    def fresh(self, **options):
        return self._owned(harness.SentinelSet(**options))

    def fake(self, named):
        return self._owned(harness.FakeSentinel(named))

    def rategated(self, servers, limits=None, redis=None, **sentinel):
        settings = {**servers.sentinel_settings(), **sentinel}
        settings = {name: value for name, value in settings.items() if value is not None}
        return self.daemon(limits=limits or {"api": SHORT}, sentinel=settings,
                           redis_settings={**servers.redis_settings(), "backoff_max": "500ms",
                                           **(redis or {})})

    def wait_up(self, daemon, deadline=10):
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "up", deadline, "the store")

    def wait_info(self, daemon, field, value, deadline=10):
        harness.wait_until(lambda: daemon.info("store")[field] == value, deadline,
                           f"{value!r} in INFO's {field}")

    def wait_error(self, daemon, words, deadline=10):
        harness.wait_until(lambda: words in daemon.info("store")["store_error"], deadline,
                           f"{words!r} in INFO's store_error")

    def wait_counted(self, daemon, deadline=10):
        """Until a check is counted; the moment."""
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, deadline,
                           "a check that is counted")
        return time.monotonic()

    def is_used(self, daemon, server):
        self.assertIn(f"127.0.0.1:{server.port}/0 ({harness.MASTER})",
                      daemon.info("store")["store_address"])


def reservations(server):
    """Calls of the script that the server was asked for by clients."""
    return server.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)


class Start(Sentinel):
    def test_the_primary_is_found_with_the_least_rights(self):
        watched = SHARED.sentinels if SHARED.sentinel_acl else []
        for sentinel in watched:
            sentinel.ask("ACL", "LOG", "RESET")
        daemon = self.rategated(SHARED)
        self.wait_counted(daemon)
        self.is_used(daemon, SHARED.primary())
        self.wait_info(daemon, "sentinels_agreeing", "3")
        info = daemon.info("store")
        self.assertEqual((info["sentinels_configured"], info["sentinels_answering"]), ("3", "3"))
        self.assertEqual((info["sentinel_master"], info["primary_changes"]), (harness.MASTER, "0"))
        self.assertEqual((info["store_error"], info["primary_replicas"]), ("", "2"))
        self.assertLess(int(info["primary_proof_us"]), 1_500_000 * harness.SLOW)
        daemon.notify.wait_status(f"127.0.0.1:{SHARED.primary().port}/0 ({harness.MASTER})")
        for sentinel in watched:
            self.assertEqual(sentinel.ask("ACL", "LOG"), [])
            self.assertIn("user=rategate", sentinel.ask("CLIENT", "LIST", "TYPE", "PUBSUB"))
        for word in ("sentinel_not_heard", "sentinel_away", "sentinelpw", "s3cret"):
            self.assertNotIn(word, daemon.log_text())

    def test_by_a_url(self):
        servers = self.fresh(acl=False)
        url = f"redis+sentinel://{','.join(servers.addresses)}/{harness.MASTER}/2"
        daemon = self.daemon(args=["--redis", url, "--limit", "api=5/h", "--socket", "rg.sock"])
        self.wait_up(daemon)
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        with servers.primary().client(db=2) as client:
            self.assertEqual(client.dbsize(), 2)

    def test_sentinels_that_know_one_password_and_no_users(self):
        servers = self.fresh(acl=False, password="one4all")
        daemon = self.rategated(servers)
        self.wait_counted(daemon)
        self.wait_info(daemon, "sentinels_agreeing", "3")

    def test_one_that_is_not_there(self):
        gone = harness.FakeSentinel(None)
        gone.close()
        dead = f"127.0.0.1:{gone.port}"
        daemon = self.rategated(SHARED, addresses=[dead, *SHARED.addresses[:2]])
        self.wait_counted(daemon)
        line = daemon.wait_log("sentinel_away")
        self.assertIn(dead, line)
        self.assertIn("refused", line)
        self.assertEqual(daemon.info("store")["sentinels_answering"], "2")
        self.assertEqual(daemon.info("store")["store_error"], "")


class Said(Sentinel):
    def is_away(self, daemon, *words):
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        for each in words:
            self.wait_error(daemon, each)
        daemon.notify.wait_status(words[0])
        self.assertIn(words[0], daemon.wait_log("store_away"))

    def test_a_wrong_name_of_the_master(self):
        daemon = self.rategated(SHARED, master="another")
        self.is_away(daemon, "no majority of the sentinels names the primary of another",
                     f"{SHARED.addresses[2]}: it knows no master another")
        self.assertIn("it knows no master another", daemon.wait_log("sentinel_away"))

    def test_a_wrong_password(self):
        daemon = self.rategated(SHARED, password="wrong-one")
        self.is_away(daemon, f"{SHARED.addresses[0]}: AUTH: WRONGPASS")
        self.assertNotIn("wrong-one", daemon.log_text())

    def test_no_password(self):
        daemon = self.rategated(SHARED, username=None, password=None)
        self.is_away(daemon, f"{SHARED.addresses[0]}: NOAUTH")

    def test_an_answer_without_end(self):
        fake = self.fake(None)
        fake.replies = b"$500000000\r\n" + b"x" * 20_000_000
        daemon = self.rategated(SHARED, addresses=[f"127.0.0.1:{fake.port}"],
                                redis={"command_timeout": "5s"})
        self.wait_error(daemon, "an answer of the server is longer than 16 MiB")

    def test_none_is_there(self):
        gone = harness.FakeSentinel(None)
        gone.close()
        daemon = self.rategated(SHARED, addresses=[f"127.0.0.1:{gone.port}"])
        self.is_away(daemon, f"127.0.0.1:{gone.port}: cannot connect: Connection refused")

    def test_a_wrong_password_of_the_primary(self):
        daemon = self.rategated(SHARED, redis={"password": "wrong-one"})
        self.is_away(daemon, "AUTH: WRONGPASS")
        self.is_used(daemon, SHARED.primary())

    def test_host_and_sentinels_at_once(self):
        path = os.path.join(self.tmp(), "rategate.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[redis]\nhost = "h"\n[sentinel]\naddresses = ["s:26379"]\nmaster = "m"\n')
        done = subprocess.run([harness.DAEMON, "--config", path, "--check-config"], text=True,
                              env=harness.clean_environ(), capture_output=True, check=False)
        self.assertEqual(done.stderr, f"rategated: {path}:2:8: host in [redis]: expected it only "
                                      "without addresses in [sentinel]\n")
        self.assertEqual(done.returncode, 1)


class Outvoted(Sentinel):
    """Sentinels of which one says something else."""

    def elsewhere(self):
        """A Redis that is a primary as well, of another set."""
        return self.redis(tcp=True)

    def mixed(self, fake, real=2):
        return [f"127.0.0.1:{fake.port}", *SHARED.addresses[:real]]

    def asked_often(self, fake, times=3):
        before = fake.questions
        harness.wait_until(lambda: fake.questions >= before + times, 15, "questions to the fake one")

    def test_one_that_lies_is_not_followed(self):
        other = self.elsewhere()
        fake = self.fake(("127.0.0.1", other.port))
        daemon = self.rategated(SHARED, addresses=self.mixed(fake))
        self.wait_counted(daemon)
        self.asked_often(fake)
        fake.publish(b"*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$36\r\n"
                     b"mymaster 127.0.0.1 1 127.0.0.1 %05d\r\n" % other.port)
        self.asked_often(fake)
        self.is_used(daemon, SHARED.primary())
        info = daemon.info("store")
        self.assertEqual((info["sentinels_answering"], info["sentinels_agreeing"]), ("3", "2"))
        self.assertEqual(info["primary_changes"], "0")
        self.assertEqual(other.db.dbsize(), 0)

    def test_of_two_that_differ_none_is_followed(self):
        other = self.elsewhere()
        fake = self.fake(("127.0.0.1", other.port))
        daemon = self.rategated(SHARED, addresses=self.mixed(fake, 1))
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        self.wait_error(daemon, f"127.0.0.1:{fake.port}: it names 127.0.0.1:{other.port}")
        self.wait_error(daemon, f"it names 127.0.0.1:{SHARED.primary().port}")
        daemon.wait_log("sentinels_disagree")
        self.assertEqual(other.db.dbsize(), 0)
        fake.named = ("127.0.0.1", SHARED.primary().port)
        self.wait_counted(daemon)
        daemon.wait_log("sentinels_agree")

    def test_one_that_answers_nonsense(self):
        fake = self.fake(("127.0.0.1", 1))
        daemon = self.rategated(SHARED, addresses=self.mixed(fake))
        self.wait_counted(daemon)
        harness.wait_until(fake.subscribed, 10, "a subscription")
        for reply in (b":5\r\n", b"*2\r\n:1\r\n:2\r\n", b"*2\r\n$1\r\nh\r\n$1\r\n0\r\n",
                      b"*2\r\n$9\r\n1.2.3.4:5\r\n$1\r\n7\r\n", b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
                      b"*2\r\n$3\r\na\r\n\r\n$1\r\n1\r\n", b"$-1\r\n", b"+x\r\n", b"-ERR no\r\n",
                      b"*1000000000\r\n", b"nonsense\r\n", b"+a\r\n+b\r\n"):
            fake.replies = reply
            fake.publish(reply)
            before = fake.questions
            harness.wait_until(lambda least=before: fake.questions > least, 15, f"a question behind {reply}")
        fake.replies = None
        self.wait_info(daemon, "sentinels_answering", "3")
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.assertNotIn("primary_changed", daemon.log_text())


class Moved(Sentinel):
    """Sentinels that are fakes all of them, so that what they name is a matter of the test's."""

    def setUp(self):
        self.one, self.other = self.redis(tcp=True), self.redis(tcp=True)
        self.fakes = [self.fake(("127.0.0.1", self.one.port)) for _ in range(3)]
        self.rategate = self.daemon(
            limits={"api": SHORT}, redis_settings={"backoff_min": "1m", "backoff_max": "1m",
                                             "command_timeout": "2s", "connect_timeout": "5s"},
            sentinel={"addresses": [f"127.0.0.1:{fake.port}" for fake in self.fakes],
                      "master": harness.MASTER})
        self.wait_counted(self.rategate)
        harness.wait_until(lambda: all(fake.subscribed() for fake in self.fakes), 10, "subscriptions")

    def name(self, server, fakes=3):
        for fake in self.fakes[:fakes]:
            fake.named = ("127.0.0.1", server.port)

    def wait_used(self, server):
        self.wait_info(self.rategate, "store_address",
                       f"127.0.0.1:{server.port}/0 ({harness.MASTER})")

    def test_one_that_answers_still_is_left_where_another_is_named(self):
        self.name(self.other, 2)
        self.fakes[0].publish(b"whatever")
        self.wait_used(self.other)
        self.wait_counted(self.rategate)
        self.assertEqual(len(self.one.db.client_list(_type="normal")), 1)  # the test's own
        before = self.one.db.info("commandstats")["cmdstat_evalsha"]["calls"]
        self.assertEqual(self.rategate.check("api", "k").reason, harness.COUNTED)
        self.assertEqual(self.one.db.info("commandstats")["cmdstat_evalsha"]["calls"], before)
        self.assertTrue(self.other.counters("rategate:{api*"))

    def test_a_change_is_noticed_without_being_told(self):
        self.name(self.other)
        self.wait_used(self.other)
        self.wait_counted(self.rategate)

    def test_one_that_may_not_be_listened_to(self):
        fake = self.fake(("127.0.0.1", self.one.port))
        fake.deaf = True
        daemon = self.daemon(limits={"api": SHORT}, redis_settings={"backoff_max": "100ms"},
                             sentinel={"addresses": [f"127.0.0.1:{fake.port}"],
                                       "master": harness.MASTER})
        self.wait_counted(daemon)
        self.assertIn("NOPERM", daemon.wait_log("sentinel_not_heard"))
        harness.wait_until(lambda: fake.subscribed() >= 6, 10, "more tries")
        self.assertEqual(daemon.log_text().count("sentinel_not_heard"), 1)
        fake.named = ("127.0.0.1", self.other.port)
        self.wait_info(daemon, "store_address", f"127.0.0.1:{self.other.port}/0 ({harness.MASTER})")

    def test_a_back_off_is_not_waited_for(self):
        self.one.kill9()
        harness.wait_until(lambda: self.rategate.check("api").reason == harness.STORE_AWAY, 10,
                           "a store that is away")
        self.name(self.other)
        self.wait_counted(self.rategate)
        self.wait_used(self.other)

    def test_a_replica_is_not_used_whoever_names_it(self):
        self.other.db.slaveof("127.0.0.1", self.one.port)
        self.name(self.other)
        self.wait_used(self.other)
        self.wait_error(self.rategate, "it is a replica")
        self.assertEqual(self.rategate.check("api").reason, harness.STORE_AWAY)
        self.name(self.one)
        self.wait_counted(self.rategate)
        self.assertEqual(self.rategate.info("store")["primary_changes"], "2")


class Descriptors(Sentinel):
    def test_clients_leave_enough_for_all_sentinels(self):
        server = self.redis(tcp=True)
        fakes = [self.fake(("127.0.0.1", server.port)) for _ in range(16)]
        daemon = self.daemon(
            limits={"api": SHORT}, redis_settings={"backoff_max": "100ms"},
            sentinel={"addresses": [f"127.0.0.1:{fake.port}" for fake in fakes],
                      "master": harness.MASTER},
            command_prefix=["prlimit", "--nofile=120:120", "--"])
        most = int(daemon.wait_log(" nofile_too_low: ").split(" clients=")[1].split()[0])
        first = self.conn(daemon)
        crowd = [self.connect(daemon) for _ in range(most - 1)]
        for sock in crowd:
            sock.sendall(b"PING\r\n")
            self.assertEqual(sock.recv(100), b"+PONG\r\n")

        def field(name):
            lines = first.command("INFO", "store").decode().splitlines()
            return next(line.split(":", 1)[1] for line in lines if line.startswith(name + ":"))
        for _ in range(3):
            for fake in fakes:
                fake.cut()
            harness.wait_until(lambda: all(fake.subscribed() for fake in fakes), 10, "subscriptions")
            harness.wait_until(lambda: field("sentinels_agreeing") == "16", 10, "all sentinels")
        self.assertEqual(first.check("api").reason, harness.COUNTED)


class WithoutMajority(Sentinel):
    def test_two_of_three_are_dead(self):
        servers = SHARED
        daemon = self.rategated(servers)
        self.wait_counted(daemon)
        primary = servers.primary()
        for sentinel in servers.sentinels[:2]:
            sentinel.kill9()
        daemon.wait_log("sentinels_disagree")
        self.wait_error(daemon, f"no majority of the sentinels names the primary of {harness.MASTER}")
        daemon.notify.wait_status("no majority of the sentinels")
        self.assertEqual(daemon.info("store")["store_status"], "up")
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.is_used(daemon, primary)

        # Whom to connect to is not known now, though it was the same one all the time.
        primary.ask("CLIENT", "KILL", "USER", "rategate")
        harness.wait_until(lambda: daemon.check("api").reason == harness.STORE_AWAY, 10,
                           "a store that is away")
        self.wait_error(daemon, "cannot connect in time: no majority of the sentinels")

        servers.sentinels[0].start()
        self.wait_counted(daemon)
        daemon.wait_log("sentinels_agree")
        servers.sentinels[1].start()
        self.wait_info(daemon, "sentinels_agreeing", "3")
        self.assertEqual(daemon.info("store")["store_error"], "")
        self.assertEqual(daemon.log_text().count("sentinels_disagree"), 1)
        self.assertEqual(daemon.log_text().count("sentinels_agree"), 1)


class Failover(Sentinel):
    """Each with servers of its own: two failovers in a row are not reliable in them.

    Where the primary was killed, sentinels connect to the new one up to a second after they name it,
    and would take it for down, and replace it, were they told to do that sooner."""

    MOST = 1.0  # seconds from the moment when the sentinels agree, until the store decides again
    # From then on, until it grants: what an old primary may have granted is not granted again.
    BURN = 2.5 + 0.725  # of a limit per second; docs/failover.md
    PATIENT_MS = 1500

    def follows(self, daemon, servers, old, what):
        agreed, new = servers.wait_agreed_on_another(old)
        address = f"127.0.0.1:{new.port}/0 ({harness.MASTER})"
        def is_up():
            info = daemon.info("store")
            return address in info["store_address"] and info["store_status"] == "up"
        harness.wait_until(is_up, 20, "the new primary")
        used = time.monotonic() - agreed
        # In the first window of which the old one can have granted nothing.
        counted = self.wait_counted(daemon, 20) - agreed
        print(f"{what}: after the sentinels agreed the new primary was used in {used * 1000:.0f} ms, "
              f"and checks were counted in {counted * 1000:.0f} ms", flush=True)
        self.assertLess(used, self.MOST * harness.SLOW)
        self.assertLess(counted, (self.MOST + self.BURN + 1) * harness.SLOW)
        self.assertEqual(daemon.info("store")["primary_changes"], "1")
        line = daemon.wait_log("primary_changed")
        self.assertIn(f"127.0.0.1:{old.port}", line)
        self.assertIn(f"127.0.0.1:{new.port}", line)
        return new

    def test_planned(self):
        servers = self.fresh()
        daemon = self.rategated(servers)
        self.wait_counted(daemon)
        old = servers.primary()
        servers.sentinels[0].ask("SENTINEL", "FAILOVER", harness.MASTER)
        self.follows(daemon, servers, old, "planned")
        self.wait_info(daemon, "sentinels_agreeing", "3")

    def test_killed(self):
        servers = self.fresh(down_after_ms=self.PATIENT_MS)
        daemon = self.rategated(servers)
        self.wait_counted(daemon)
        old = servers.primary()
        old.kill9()
        new = self.follows(daemon, servers, old, "kill -9")
        # It comes back as a primary, until the sentinels have made it a replica.
        old.start()
        self.assertEqual(old.info("replication")["role"], "master")
        harness.wait_until(lambda: old.info("replication")["role"] == "slave", 40, "a demoted primary")
        self.assertEqual(reservations(old), 0)
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.is_used(daemon, new)

    def test_stopped(self):
        servers = self.fresh()
        daemon = self.rategated(servers)
        self.wait_counted(daemon)
        old = servers.primary()
        old.stop()
        self.addCleanup(old.cont)
        new = self.follows(daemon, servers, old, "SIGSTOP")
        old.cont()
        # What lay in its sockets meanwhile it runs, and finds those closed.
        harness.wait_until(lambda: not old.ask("CLIENT", "LIST").count("user=rategate"), 10,
                           "that nobody is connected to the old one")
        before = reservations(old)
        at_new = reservations(new)
        reasons = set()
        while old.info("replication")["role"] == "master":
            reasons.add(daemon.check("api").reason)
        # Sentinels that write their files down may be too late with a proof that is wanted.
        self.assertIn(harness.COUNTED, reasons)
        self.assertLessEqual(reasons, {harness.COUNTED, harness.STORE_AWAY})
        self.assertEqual(reservations(old), before)
        self.assertGreater(reservations(new), at_new)
        self.is_used(daemon, new)

    def test_tls_and_users_for_all_six(self):
        harness.require_tls()
        made = harness.Certificates(harness.make_dir())
        self.addCleanup(shutil.rmtree, made.folder)
        made.authority("ca")
        made.issue("server", "DNS:redis.test,IP:127.0.0.1")
        made.issue("named", "DNS:redis.test")
        made.issue("client", "DNS:rategate")
        servers = self.fresh(tls=made.server_words("server", clients="optional"),
                             down_after_ms=self.PATIENT_MS)
        tls = {"tls": True, "tls_ca": made.crt("ca"), "tls_cert": made.crt("client"),
               "tls_key": made.key("client")}
        slow = {"connect_timeout": f"{int(2000 * harness.SLOW)}ms"}
        daemon = self.rategated(servers, redis=tls | slow, **tls)
        self.wait_counted(daemon)
        self.wait_info(daemon, "sentinels_agreeing", "3")
        self.assertTrue(daemon.info("store")["store_address"].startswith("tls:127.0.0.1:"))
        self.assertNotIn("sentinel_not_heard", daemon.log_text())

        wrong = self.rategated(servers, redis=tls | slow, **tls, tls_name="other.test")
        self.wait_error(wrong, "hostname mismatch, expected one for other.test", 20)
        wrong = self.rategated(servers, redis={**tls, **slow, "tls_name": "other.test"}, **tls)
        self.wait_error(wrong, "hostname mismatch, expected one for other.test", 20)

        old = servers.primary()
        old.kill9()
        self.follows(daemon, servers, old, "TLS, kill -9")


if __name__ == "__main__":
    harness.main()
