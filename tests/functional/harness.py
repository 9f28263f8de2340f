"""The functional tests' one import.

    import harness

    class Something(harness.Case):
        def test_it(self):
            redis = self.redis()
            daemon = self.daemon(redis, limits={"api": "100/second"})
            self.assertEqual(daemon.check("api").allowed, 1)

    if __name__ == "__main__":
        harness.main()

Everything is started in a folder of its own, on Unix sockets, and ended after the test. Run one
file with /usr/bin/python3, or one method of it by naming Something.test_it after it;
RATEGATE_BIN_DIR says where the programs are (build/release/bin unless set).
"""

# pylint: disable=unused-import
from support.case import Case, main
from support.cluster_set import ClusterSet, slot_of
from support.certificates import Certificates
from support.daemon import Daemon, Notifications, toml
from support.env import (BIN_DIR, CLOCK_SHIM, DAEMON, SANITIZE, SLOW, SOURCE_DIR, clean_environ,
                         clock_shift, make_dir, run_before_others, tied, wait_for_window,
                         wait_until)
from support.load import Asked, Load, allowed_by_window
from support.paced_load import Answered, PacedLoad
from support.proxy import Proxy
from support.redis_server import (REIGN, Redis, documented_user, login, major_version,
                                  require_tls)
from support.resp import (BLOCKED, CLOCK_NOT_TRUSTED, COUNTED, NEVER_FITS, OVER_LIMIT, STORE_AWAY,
                          UNLIMITED, Closed, Conn, Decision, Parser, RespError, Simple, check_words,
                          decision, encode)
from support.sentinel_set import MASTER, FakeSentinel, SentinelSet
from support.slow_way import SlowWay
