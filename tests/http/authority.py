# SPDX-License-Identifier: MIT
"""Certificates of our own, made by openssl."""
import os
import shutil
import ssl
import subprocess
import tempfile
import time

# What `openssl ca` has to know: it alone makes what has expired already, in
# every version.
SIGNING = """[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""
DAY_S = 86400


def utc(days):
    """The time so many days from now, for openssl."""
    return time.strftime("%Y%m%d%H%M%SZ",
                         time.gmtime(time.time() + days * DAY_S))


class Authority:
    """A certificate authority and what it signs, in a directory."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix="spillway-ca-")
        self.cert = os.path.join(self.dir, "ca.pem")
        self.key = os.path.join(self.dir, "ca.key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                      "-subj", f"/CN={name}", "-keyout", self.key,
                      "-out", self.cert)
        self._write("index", "")
        self._write("signing", SIGNING)

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w",
                  encoding="ascii") as file:
            file.write(text)

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, cwd=self.dir,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def issue(self, names, name="o", days=2):
        """The files of a certificate, and of its key, for a server of these
        names."""
        self._write("ext", f"subjectAltName={names}\n"
                    "authorityKeyIdentifier=keyid\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      f"/CN={name}", "-keyout", f"{name}.key", "-out", "csr")
        self._openssl("ca", "-batch", "-notext", "-config", "signing",
                      "-cert", self.cert, "-keyfile", self.key, "-in", "csr",
                      "-startdate", utc(-2), "-enddate", utc(days),
                      "-extfile", "ext", "-out", f"{name}.pem")
        return (os.path.join(self.dir, f"{name}.pem"),
                os.path.join(self.dir, f"{name}.key"))

    def context(self, names, days=2):
        """What a server of these names needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(names, days=days))
        return context

    def remove(self):
        """Forget it all."""
        shutil.rmtree(self.dir)
