"""A server's process, whatever it serves: what can befall it."""

import signal


class ServerProcess:
    _process = None

    def running(self):
        return self._process is not None and self._process.poll() is None

    def stop(self):
        """It stands still, until cont()."""
        self._process.send_signal(signal.SIGSTOP)

    def cont(self):
        self._process.send_signal(signal.SIGCONT)

    def kill9(self):
        if self.running():
            self._process.kill()
            self._process.wait()
