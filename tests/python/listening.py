"""A test that answers in a daemon's place."""

import os
import socket
import tempfile
import unittest


class Listening(unittest.TestCase):
    """Whoever connects to self.path is accepted by self.listener."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "rg.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen()
