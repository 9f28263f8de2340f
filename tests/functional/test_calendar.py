"""Periods of the calendar: windows turn where the tz database says, by Redis' clock, on hosts that
are in other zones and have other clocks."""

import datetime
import subprocess
import time
import zoneinfo

import harness
from support import callers
from support.mounts import Mounts

HOUR_MS = 3_600_000


def as_map(reply):
    told = [one.decode() if isinstance(one, bytes) else one for one in reply]
    return dict(zip(told[::2], told[1::2]))


def told_by(daemon):
    """The log, with quotes as they were."""
    return daemon.log_text().replace('\\"', '"')


def utc_ms(zone, year, month, day):
    """When the day begins there, by Python's own reading of the tz database."""
    midnight = datetime.datetime(year, month, day, tzinfo=zoneinfo.ZoneInfo(zone))
    return int(midnight.timestamp() * 1000)


class Calendar(harness.Case):
    def turns(self, limit, name, zone, edges):
        """At edges[1], by Redis, the limit begins anew, and not before; each edge is a date. The
        windows are from one of them to the next. Three hosts count in them as one."""
        before, edge, after = (utc_ms(zone, *date) for date in edges)
        shift = edge - 4_000 - int(time.time() * 1000)
        server = self.redis(shift_ms=shift, keys=["rategate:*"])
        hosts = [self.daemon(server, limits={"api": {"limit": 10, "mode": "exact", **limit}},
                             env_more={"TZ": tz}, **clocks)
                 for tz, clocks in (("Asia/Tokyo", {}), ("America/Los_Angeles", {"shift_ms": 40_000_000}),
                                    (":/nowhere", {"shift_ms": -40_000_000}))]
        conns = [self.conn(host) for host in hosts]
        for conn in conns:
            self.assertEqual(conn.check("api").reason, harness.COUNTED)
        decisions = [conns[n % 3].check("api") for n in range(13)]
        now = server.now_ms()
        self.assertLess(now, edge, "this machine is too slow for the test")
        self.assertEqual([d.allowed for d in decisions], [1] * 7 + [0] * 6)
        for d in decisions:
            self.assertTrue(edge - now <= d.reset_after_ms <= edge - now + 4_000, d)
        old = f"rategate:{{api:}}:{name}:{before // 1000}"
        self.assertEqual(server.counters("rategate:*"), {old: 10})
        self.assertGreaterEqual(server.db.pttl(old), edge - now)
        self.assertLess(server.db.pttl(old), edge - now + 60_000)

        harness.wait_until(lambda: server.now_ms() >= edge + 50, 10, "a new window")
        decisions = [conns[n % 3].check("api") for n in range(16)]
        now = server.now_ms()
        self.assertEqual([d.allowed for d in decisions], [1] * 10 + [0] * 6)
        # The error of a clock grows until then: by a second, at most.
        for d in decisions:
            self.assertTrue(after - now <= d.reset_after_ms <= after - now + 5_000, d)
        new = f"rategate:{{api:}}:{name}:{edge // 1000}"
        self.assertEqual(server.counters(new), {new: 10})

    def test_a_month_after_one_of_745_hours(self):
        self.assertEqual(utc_ms("Europe/Berlin", 2026, 11, 1) - utc_ms("Europe/Berlin", 2026, 10, 1),
                         745 * HOUR_MS)
        self.turns({"period": "month", "timezone": "Europe/Berlin"}, "month@Europe/Berlin",
                   "Europe/Berlin", [(2026, 10, 1), (2026, 11, 1), (2026, 12, 1)])

    def test_a_february_with_a_leap_day(self):
        self.turns({"period": "1month"}, "month", "UTC", [(2028, 1, 1), (2028, 2, 1), (2028, 3, 1)])

    def test_a_day_of_23_hours(self):
        zone = "America/New_York"
        self.assertEqual(utc_ms(zone, 2027, 3, 15) - utc_ms(zone, 2027, 3, 14), 23 * HOUR_MS)
        self.turns({"period": "day", "timezone": zone}, f"day@{zone}", zone,
                   [(2027, 3, 13), (2027, 3, 14), (2027, 3, 15)])

    def test_a_day_of_25_hours(self):
        zone = "Australia/Sydney"
        self.assertEqual(utc_ms(zone, 2027, 4, 5) - utc_ms(zone, 2027, 4, 4), 25 * HOUR_MS)
        self.turns({"period": "day", "timezone": zone}, f"day@{zone}", zone,
                   [(2027, 4, 3), (2027, 4, 4), (2027, 4, 5)])

    def test_a_week_from_sunday_on(self):
        zone = "Europe/Berlin"
        self.turns({"period": "week", "timezone": zone, "week_starts": "sunday"},
                   f"week-sunday@{zone}", zone, [(2026, 3, 22), (2026, 3, 29), (2026, 4, 5)])

    def test_a_leap_year(self):
        self.turns({"period": "year"}, "year", "UTC", [(2027, 1, 1), (2028, 1, 1), (2029, 1, 1)])

    def test_a_day_without_a_zone_is_that_of_1d(self):
        """Hosts of a version that knew no zones count in the same counter."""
        self.turns({"period": "day"}, "1d", "UTC", [(2026, 3, 28), (2026, 3, 29), (2026, 3, 30)])

    def test_leases(self):
        """Of a window of a calendar as of any long one, and no more than the limit is given out."""
        edge = utc_ms("Europe/Berlin", 2026, 11, 1)
        server = self.redis(shift_ms=edge - 4_000 - int(time.time() * 1000), keys=["rategate:*"])
        limits = {"api": {"limit": 2000, "period": "month", "timezone": "Europe/Berlin"}}
        conns = [self.conn(self.daemon(server, limits=limits)) for _ in range(2)]
        rule = conns[0].command("RESOLVE", "api")
        self.assertEqual((rule[1:3], rule[3] in (0, 1)), ([2000, 745 * HOUR_MS], True))
        for start in (utc_ms("Europe/Berlin", 2026, 10, 1), edge):
            allowed = 0
            for _ in range(1500):
                for conn in conns:
                    allowed += conn.check("api").allowed
            self.assertEqual(allowed, 2000)
            counter = f"rategate:{{api:}}:month@Europe/Berlin:{start // 1000}"
            self.assertEqual(server.counters(counter), {counter: 2000})
            if start < edge:
                self.assertLess(server.now_ms(), edge, "this machine is too slow for the test")
                harness.wait_until(lambda: server.now_ms() >= edge + 50, 10, "a new window")

    def test_shared_memory(self):
        """Programs of two hosts spend both months in shared memory, and no more than their limits."""
        edge = utc_ms("Europe/Berlin", 2026, 11, 1)
        server = self.redis(shift_ms=edge - 5_000 - int(time.time() * 1000), keys=["rategate:*"])
        limits = {"api": {"limit": 5000, "period": "month", "timezone": "Europe/Berlin"}}
        daemons = [self.daemon(server, limits=limits) for _ in range(2)]
        asked = callers.evaluate.Limit("api", 0, 745 * HOUR_MS, 0, False)
        programs = [self._owned(callers.Caller(daemon.dir, daemon, [asked])) for daemon in daemons]

        def spent():
            return [sum(r.cost for r in program.records()) for program in programs]
        for start, most in ((utc_ms("Europe/Berlin", 2026, 10, 1), 5000), (edge, 10_000)):
            counter = f"rategate:{{api:}}:month@Europe/Berlin:{start // 1000}"
            harness.wait_until(lambda name=counter: server.counters().get(name, 0) == 5000, 20,
                               "a month that is used up")
            harness.wait_until(lambda sum_of=most: sum(spent()) >= sum_of, 10, "all of it to be spent")
            now = server.now_ms()
            self.assertEqual(sum(spent()), most)
            if start < edge:
                self.assertLess(now, edge, "this machine is too slow for the test")
                in_place = sum(r.decided_ns != 0 for p in programs for r in p.records())
                self.assertGreater(in_place, 0)
        self.assertGreater(sum(r.decided_ns != 0 for p in programs for r in p.records()), in_place)

    def test_what_is_told_of_it(self):
        daemon = self.daemon(None, limits={
            "api": {"limit": 5, "period": "week", "week_starts": "sunday", "timezone": "Asia/Tokyo"}})
        conn = self.conn(daemon)
        told = as_map(conn.command("LIMITS")[0])
        self.assertEqual((told["period"], told["period_ms"]),
                         ("week-sunday@Asia/Tokyo", 168 * HOUR_MS))
        told = as_map(conn.command("CHECKX", "api"))
        self.assertEqual(told["period_ms"], 168 * HOUR_MS)
        with self.assertRaisesRegex(harness.RespError, "invalid period 'month': expected a duration "
                                                       "from 10ms to 31d"):
            conn.check("other", permits=5, period="month")

    def test_a_reload_that_changes_the_zone(self):
        daemon = self.daemon(None, limits={"api": {"limit": 5, "period": "month"}})
        conn = self.conn(daemon)
        self.assertEqual([conn.check("api").allowed for _ in range(6)], [1] * 5 + [0])
        daemon.reload()  # the same
        self.assertFalse(conn.check("api").allowed)
        daemon.tables["limits"]["api"]["timezone"] = "Asia/Tokyo"
        daemon.write_config()
        daemon.reload()
        self.assertIn("limit_anew", daemon.log_text())
        self.assertEqual([conn.check("api").allowed for _ in range(6)], [1] * 5 + [0])
        daemon.tables["limits"]["api"]["timezone"] = "Asia/Tokyoo"
        daemon.write_config()
        daemon.reload()
        self.assertIn('did you mean "Asia/Tokyo"?', told_by(daemon))
        self.assertFalse(conn.check("api").allowed)

    def refused(self, prefix, timezone):
        """What a daemon before whose command these words stand says of the zone. It needs none for
        UTC."""
        if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("who runs the tests may not mount anything")
        daemon = self.daemon(None, limits={"api": {"limit": 5, "period": "month"}},
                             command_prefix=prefix)
        self.assertTrue(self.conn(daemon).check("api").allowed)
        daemon.tables["limits"]["api"]["timezone"] = timezone
        daemon.write_config()
        daemon.reload()
        self.assertTrue(self.conn(daemon).check("api").allowed)
        return told_by(daemon)

    def test_without_a_tz_database(self):
        mounts = self._owned(Mounts())
        self.assertIn("timezone of limit 'api': expected \"UTC\", as there is no tz database in "
                      "/usr/share/zoneinfo; Debian has it in the package tzdata",
                      self.refused(mounts.hiding("/usr/share/zoneinfo"), "Europe/Berlin"))

    def test_a_tz_database_that_leaves_changes_to_a_rule(self):
        """As `zic -b slim` makes it: without the changes of clocks, which a rule stands for."""
        mounts = self._owned(Mounts())
        with open("/usr/share/zoneinfo/Etc/UTC", "rb") as file:
            slim = file.read().replace(b"\nUTC0\n", b"\nCET-1CEST,M3.5.0,M10.5.0/3\n")
        with open(mounts.path("Berlin"), "wb") as file:
            file.write(slim)
        prefix = mounts.binding({"Berlin": "/usr/share/zoneinfo/Europe/Berlin"})
        self.assertIn("timezone of limit 'api': expected a tz database that has the zone's changes "
                      "until 2037 in it, as Debian's has: this one leaves them to a rule",
                      self.refused(prefix, "Europe/Berlin"))


if __name__ == "__main__":
    harness.main()
