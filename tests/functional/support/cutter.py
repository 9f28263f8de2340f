"""A way over TCP that ends in the middle of what the server says."""

import selectors
import socket
import threading


class Cutter:
    """Listens on a free port of 127.0.0.1 and forwards to another one.

    cut_next(count)    the next connection is closed after so many bytes of the server's
    freeze()           nothing passes any more, and no connection is closed
    """

    def __init__(self, port):
        self._port = port
        self._cut = None
        self._frozen = False
        self._pairs = {}    # each end to (the other one, whether it is the server's)
        self._left = {}     # each server's end that will be cut to how many bytes are left
        self.connections = 0
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut_next(self, count):
        self._cut = count

    def freeze(self):
        self._frozen = True
        self._wake_write.send(b"f")

    def cut(self):
        """Every connection that there is."""
        for end in list(self._pairs):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._wake_write.send(b"x")
        self._thread.join(10)
        for end in (self._listener, self._wake_read, self._wake_write, *self._pairs):
            end.close()

    def _run(self):
        while True:
            with selectors.DefaultSelector() as selector:
                ends = () if self._frozen else (self._listener, *self._pairs)
                for each in (self._wake_read, *ends):
                    selector.register(each, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select()]
            for each in ready:
                if each is self._wake_read:
                    if each.recv(1) == b"x":
                        return
                    break
                if each is self._listener:
                    self._accept()
                elif each in self._pairs:
                    self._forward(each)

    def _accept(self):
        near, _ = self._listener.accept()
        self.connections += 1
        try:
            far = socket.create_connection(("127.0.0.1", self._port), 10)
        except OSError:
            near.close()
            return
        far.settimeout(10)
        near.settimeout(10)
        self._pairs[near], self._pairs[far] = (far, False), (near, True)
        if self._cut is not None:
            self._left[far], self._cut = self._cut, None

    def _forward(self, end):
        other, is_server = self._pairs[end]
        try:
            data = end.recv(1 << 16)
            if is_server and end in self._left:
                data, over = data[:self._left[end]], len(data) >= self._left[end]
                self._left[end] -= len(data)
                other.sendall(data)
                if over:
                    self.cuts += 1
                    data = b""
            elif data:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for each in (end, other):
                del self._pairs[each]
                self._left.pop(each, None)
                each.close()
