"""A program that is no rategated, at the socket where one is expected."""

import socket
import threading


def answered_by_another(case, answers, *words):
    """What the command makes of a program that is no rategated and answers with these."""
    path = case.tmp() + "/other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(15)  # should nobody come

        def greet():
            peer, _ = listener.accept()
            with peer:
                for answer in answers:
                    peer.recv(1000)
                    peer.sendall(answer)
                peer.recv(1000)  # until it has gone

        greeter = threading.Thread(target=greet)
        greeter.start()
        result = case.rategate(*words, daemon=path)
        greeter.join()
    return result
