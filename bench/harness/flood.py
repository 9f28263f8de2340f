"""A client that asks without end: sends the words of its command line again and again, on so many
connections, and reads all answers. `%k` is another key each time; `CONNECT` stands for connecting
and nothing else."""

import itertools
import selectors
import socket
import sys

BLOCK_BYTES = 1 << 18


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


def encode(words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def blocks(words):
    """Bytes to be sent, without end."""
    if not any(b"%k" in word for word in words):
        one = encode(words)
        yield from itertools.repeat(one * (1 + BLOCK_BYTES // len(one)))
    for start in itertools.count(0, 1000):
        yield b"".join(encode([word.replace(b"%k", b"key:%09d" % key) for word in words])
                       for key in range(start, start + 1000))


def ask(path, connections, words):
    wanted = blocks(words)
    answers = bytearray(BLOCK_BYTES)
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        sock = connect(path)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, [b""])
    while True:
        for key, events in selector.select():
            left = key.data
            if events & selectors.EVENT_READ and key.fileobj.recv_into(answers) == 0:
                sys.exit("the server hung up")
            if events & selectors.EVENT_WRITE:
                left[0] = left[0] or memoryview(next(wanted))
                left[0] = left[0][key.fileobj.send(left[0]):]


def main():
    path, connections, *words = sys.argv[1:]
    if words == ["CONNECT"]:
        while True:
            connect(path).close()
    ask(path, int(connections), [word.encode() for word in words])


if __name__ == "__main__":
    main()
