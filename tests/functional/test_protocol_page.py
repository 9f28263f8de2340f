"""docs/protocol.md against a running daemon: the fields of INFO, both ways."""

import re

import harness


class Info(harness.Case):
    def test_the_page_has_the_fields_that_the_daemon_has(self):
        page = (harness.SOURCE_DIR / "docs/protocol.md").read_text(encoding="utf-8")
        table = page[page.index("\n| section | field | meaning |"):page.index("\n## Other verbs")]
        rows = re.findall(r"^\| (\w+) \| (\w+) \|", table, re.M)[1:]
        daemon = self.daemon(self.redis(), limits={"api": "5/s"})
        with daemon.conn() as conn:
            told = conn.command("INFO").decode()
        section, fields = "", []
        for line in told.split("\r\n"):
            if line.startswith("# "):
                section = line[2:].lower()
            elif line:
                name = line.partition(":")[0]
                fields.append((section, "limit_NAME" if name == "limit_api" else name))
        self.assertEqual(fields, rows)


if __name__ == "__main__":
    harness.main()
