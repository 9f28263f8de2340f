"""docs/protocol.md against a running daemon: the fields of INFO, both ways."""

import re

import harness


class Info(harness.Case):
    def test_the_page_has_the_fields_that_the_daemon_has(self):
        page = (harness.SOURCE_DIR / "docs/protocol.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (server|clients|store|limits|stats) \| (\w+) \|", page, re.M)
        written = {section: [field for s, field in rows if s == section] for section, _ in rows}
        self.assertEqual(list(written), ["server", "clients", "store", "limits", "stats"])
        daemon = self.daemon(self.redis(), limits={"api": "5/s"})
        for section, fields in written.items():
            told = ["limit_NAME" if name == "limit_api" else name
                    for name in daemon.info(section)]
            self.assertEqual(sorted(told), sorted(fields), section)


if __name__ == "__main__":
    harness.main()
