"""Authorities and certificates of a test's own, made by openssl in a folder."""

import os
import subprocess

_NEW = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(*words, check=True):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(words)}: {done.stderr}")
    return done.returncode == 0


class Certificates:
    """NAME.crt and NAME.key in the folder, for each name that was made."""

    def __init__(self, folder):
        self.folder = folder

    def crt(self, name):
        return os.path.join(self.folder, name + ".crt")

    def key(self, name):
        return os.path.join(self.folder, name + ".key")

    def authority(self, name):
        _openssl("req", "-x509", *_NEW, "-days", "2", "-subj", f"/CN={name}", "-keyout",
                 self.key(name), "-out", self.crt(name))

    def issue(self, name, names, by="ca", expired=False):
        """A certificate for `names`, such as "DNS:redis.test,IP:127.0.0.1"."""
        request, extensions = (os.path.join(self.folder, name + end) for end in (".csr", ".ext"))
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", *_NEW, "-subj", f"/CN={name}", "-keyout", self.key(name), "-out", request)
        sign = ["x509", "-req", "-in", request, "-CA", self.crt(by), "-CAkey", self.key(by),
                "-CAcreateserial", "-extfile", extensions, "-out", self.crt(name)]
        if not expired:
            _openssl(*sign, "-days", "2")
        elif not _openssl(*sign, "-days", "-1", check=False):  # later versions want it said so
            _openssl(*sign, "-not_before", "20200101000000Z", "-not_after", "20200102000000Z")

    def rename(self, name, to):
        """What is renewed takes the place of what was, each file at once."""
        os.replace(self.key(name), self.key(to))
        os.replace(self.crt(name), self.crt(to))

    def with_pass_phrase(self, name, to):
        _openssl("pkey", "-in", self.key(name), "-aes256", "-passout", "pass:x", "-out", self.key(to))

    def folder_of(self, name):
        """A folder with that certificate under the name of its hash."""
        path = os.path.join(self.folder, name + ".d")
        os.mkdir(path)
        os.link(self.crt(name), os.path.join(path, name + ".pem"))
        _openssl("rehash", path)
        return path

    def server_words(self, name, ca="ca", clients="no"):
        """What redis-server is told to be `name`; clients: whether they need a certificate."""
        return ["--tls-cert-file", self.crt(name), "--tls-key-file", self.key(name),
                "--tls-ca-cert-file", self.crt(ca), "--tls-auth-clients", clients]
