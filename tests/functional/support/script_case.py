"""Tests of a script of the store alone, against a real Redis."""

from support.case import Case
from support.env import SOURCE_DIR

SCRIPTS = {path.stem: path.read_text(encoding="utf-8")
           for path in (SOURCE_DIR / "daemon/store/scripts").glob("*.lua")}


class ScriptCase(Case):
    """self.scripts are called as the user that docs/redis-login.md describes."""

    def setUp(self):
        self.server = self.redis()
        self.db = self.server.db
        self.run_as()

    def run_as(self, *rules):
        """The documented user with further rules, such as "-incrby", and keys of any name."""
        client = self.server.client(**self.server.user("~*", *rules))
        self.scripts = {name: client.register_script(text) for name, text in SCRIPTS.items()}
