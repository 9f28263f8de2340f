"""What examples/python/rategate.py makes of a decision for the fields of an HTTP answer."""

import unittest

from module_case import rategate


def decision(**given):
    return rategate.Decision(**{"allowed": True, "limit": 100, "remaining": 41, "retry_after": 0.0,
                                "reset_after": 12.345, "reason": rategate.Reason.COUNTED, **given})


def denied(retry_after, **given):
    return decision(allowed=False, reason=rategate.Reason.OVER_LIMIT, retry_after=retry_after,
                    **{"remaining": 0, "reset_after": retry_after, **given})


class HttpFields(unittest.TestCase):
    def test_allowed_and_denied(self):
        self.assertEqual(list(decision().http_fields("api", 60).items()), [
            ("RateLimit-Policy", '"api";q=100;w=60'), ("RateLimit", '"api";r=41;t=13'),
            ("X-RateLimit-Limit", "100"), ("X-RateLimit-Remaining", "41"),
            ("X-RateLimit-Reset", "13")])
        self.assertEqual(denied(0.001).http_fields("api", 60), {
            "RateLimit-Policy": '"api";q=100;w=60', "RateLimit": '"api";r=0;t=1',
            "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1",
            "Retry-After": "1"})

    def test_window(self):
        for period, burst, shown in ((1, 0, ";w=1"), (0.1, 0, ""), (1.5, 0, ""), (None, 0, ""),
                                     (31 * 86400, 0, ";w=2678400"), (1, 101, ";w=2"),
                                     (0.1, 1000, ";w=1"), (1, 20, ""), (None, 20, "")):
            found = decision().http_fields("api", period, burst)["RateLimit-Policy"]
            self.assertEqual(found, f'"api";q={burst or 100}{shown}')
        found = decision(limit=10**9).http_fields("api", 1)
        self.assertEqual((found["RateLimit-Policy"], found["X-RateLimit-Limit"]),
                         ('"api";q=1000000000;w=1', "1000000000"))

    def test_until_the_next_permit_of_a_bucket(self):
        for reset_after, shown in ((7.5, ";t=3"), (7.001, ";t=3"), (7.0, ";t=2"), (6.0, ";t=1"),
                                   (5.0, ";t=3"), (0.001, ";t=1"), (0.0, "")):
            found = decision(limit=24, reset_after=reset_after).http_fields("api", 60, 5)
            self.assertEqual(found["RateLimit"], f'"api";r=41{shown}')
        self.assertEqual(denied(2.001).http_fields("api", 60, 5)["RateLimit"], '"api";r=0;t=3')

    def test_of_a_key_that_a_denial_blocks_the_limit_is_told(self):
        blocked = decision(allowed=False, remaining=0, retry_after=2.997, reset_after=2.997,
                           reason=rategate.Reason.BLOCKED).http_fields("api", 60)
        self.assertEqual((blocked["RateLimit"], blocked["Retry-After"]), ('"api";r=0;t=3', "3"))

    def test_of_a_key_that_a_rule_blocks_or_lets_pass_there_is_nothing_to_tell(self):
        blocked = decision(allowed=False, limit=0, remaining=0, retry_after=None, reset_after=0.0,
                           reason=rategate.Reason.BLOCKED)
        unlimited = decision(limit=-1, remaining=-1, reset_after=0.0,
                             reason=rategate.Reason.UNLIMITED)
        self.assertEqual((blocked.http_fields("api", 60), unlimited.http_fields("api", 60)),
                         ({}, {}))

    def test_what_is_not_known_is_left_out(self):
        policy = {"RateLimit-Policy": '"api";q=100;w=60', "X-RateLimit-Limit": "100"}
        self.assertEqual(decision(remaining=-1).http_fields("api", 60), policy)
        never = denied(None, remaining=-1, reset_after=5.0)
        self.assertEqual(never.http_fields("api", 60), policy)
        away = denied(1.0, remaining=-1)
        self.assertEqual(away.http_fields("api", 60), {**policy, "Retry-After": "1"})

    def test_what_is_no_limit_is_refused(self):
        for name in ("", 'a"', "a\\", "a\r\nSet-Cookie: b", "a\n", "a\x7f", "a b", "\xe4", "x" * 65):
            with self.assertRaises(ValueError):
                decision().http_fields(name, 60)
        with self.assertRaises(ValueError):
            decision(limit=0).http_fields("api", 60, 5)
        for wrong in ({"period": -1}, {"period": 1e15}, {"period": float("inf")},
                      {"period": float("nan")}, {"burst": -1}, {"burst": 10**9 + 1}):
            with self.assertRaises(ValueError):
                decision().http_fields("api", **wrong)


if __name__ == "__main__":
    unittest.main(verbosity=1)
