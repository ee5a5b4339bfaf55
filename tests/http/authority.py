# SPDX-License-Identifier: MIT
"""Certificates of our own, made by openssl."""
import os
import shutil
import ssl
import subprocess
import tempfile


class Authority:
    """A certificate authority and what it signs, in a directory."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix="spillway-ca-")
        self.cert = os.path.join(self.dir, "ca.pem")
        self.key = os.path.join(self.dir, "ca.key")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", f"/CN={name}", "-keyout", self.key,
                      "-out", self.cert)

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, cwd=self.dir,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def issue(self, names, name="o", days=2):
        """The files of a certificate, and of its key, for a server of these
        names."""
        with open(os.path.join(self.dir, "ext"), "w",
                  encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      f"/CN={name}", "-keyout", f"{name}.key", "-out", "csr")
        self._openssl("x509", "-req", "-in", "csr", "-CA", self.cert,
                      "-CAkey", self.key, "-CAcreateserial", "-days",
                      str(days), "-extfile", "ext", "-out", f"{name}.pem")
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
