# SPDX-License-Identifier: MIT
"""Postfix's own smtpd on bytes, without an installation.

script/peers unpacks it. It runs stand-alone on standard input (smtpd -S, as
under `sendmail -bs`) with a configuration of ours, and meets here the two
services it asks: of addresses (trivial-rewrite), and to take a mail (cleanup).
So what reads commands and mails is Postfix, and what comes of a mail is what
it hands to its queue: records, each a line or a part of one.
"""
import contextlib
import glob
import os
import shutil
import socket
import subprocess
import tempfile
import threading

PEERS = os.environ.get("PIRN_PEERS", "build/peers")
# It refuses to be root; these must be accounts that differ.
NOBODY = 65534
MAIN_CF = """
compatibility_level = 3.6
queue_directory = {place}/spool
data_directory = {place}/data
command_directory = {place}/lib/postfix/sbin
daemon_directory = {place}/lib/postfix/sbin
mail_owner = nobody
setgid_group = mail
default_privs = daemon
myhostname = mx.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
local_recipient_maps =
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_forbid_bare_newline = {bare_newline}
smtpd_forbid_bare_newline_exclusions =
smtpd_forbid_unauth_pipelining = no
smtpd_forbidden_commands =
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
smtpd_junk_command_limit = 1000000
smtpd_discard_ehlo_keywords = chunking
"""


class Absent(Exception):
    """There is no Postfix here that would run; its text says why."""


def attributes(file):
    """One row of name and value, each with a NUL behind it; None at the end."""
    row = {}
    while True:
        name = string(file)
        if name is None or name == b"":
            return None if name is None else row
        row[name] = string(file)


def string(file):
    bytes_ = bytearray()
    while (byte := file.read(1)) != b"\0":
        if not byte:
            return None
        bytes_ += byte
    return bytes(bytes_)


def row_of(*pairs):
    return b"".join(name + b"\0" + value + b"\0"
                    for name, value in pairs) + b"\0"


def answer_rewrite(connection):
    """Every address is what it is, and can be delivered to."""
    file = connection.makefile("rb")
    connection.sendall(row_of((b"protocol", b"trivial_rewrite_protocol")))
    while row := attributes(file):
        address = row[b"address"]
        if row[b"request"] == b"rewrite":
            answer = row_of((b"flags", b"0"), (b"address", address))
        else:
            answer = row_of((b"flags", b"0"), (b"transport", b"discard"),
                            (b"nexthop", b"x"), (b"recipient", address),
                            (b"flags", b"4096"))
        connection.sendall(answer)


def record(file):
    """(kind, bytes), the length in groups of seven bits; None: it hung up."""
    kind = file.read(1)
    length = shift = 0
    while kind:
        byte = file.read(1)
        if not byte:
            return None
        length |= (byte[0] & 0x7f) << shift
        shift += 7
        if not byte[0] & 0x80:
            return kind, file.read(length)
    return None


def mail_of(file):
    """What a client meant, with CR LF behind lines; None: it was dropped."""
    mail = bytearray()
    inside = False
    while entry := record(file):
        kind, text = entry
        if kind == b"M":
            inside = True
        elif kind == b"X":
            inside = False
        elif kind == b"E":
            return bytes(mail)
        elif inside and kind in b"NL":
            mail += text + (b"\r\n" if kind == b"N" else b"")
    return None


def without_trace(mail):
    """Without the Received: field that smtpd puts in front."""
    lines = mail.split(b"\r\n")
    first = 1
    while first < len(lines) and lines[first].startswith(b"\t"):
        first += 1
    return b"\r\n".join(lines[first:])


class Postfix:
    """One place with all it needs."""

    def __init__(self, place, bare_newline):
        self.place = place
        self.mails = []
        self.tell = None
        unpacked = f"{PEERS}/unpacked/usr/lib"
        if not os.path.exists(f"{unpacked}/postfix/sbin/smtpd"):
            raise Absent(f"no {unpacked}/postfix/sbin/smtpd: sh script/peers")
        shutil.copytree(unpacked, f"{place}/lib", symlinks=True)
        for folder in ("etc", "data", "spool/private", "spool/public",
                       "spool/pid", "spool/maildrop"):
            os.makedirs(f"{place}/{folder}")
        with open(f"{place}/etc/main.cf", "w", encoding="ascii") as file:
            file.write(MAIN_CF.format(place=place, bare_newline=bare_newline))
        with open(f"{place}/etc/master.cf", "w", encoding="ascii"):
            pass
        self.listeners = [self.serve("private/rewrite", answer_rewrite),
                          self.serve("public/cleanup", self.answer_cleanup)]
        for folder, _, names in os.walk(place):
            os.chmod(folder, 0o755)
            for name in names:
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o755)
        for path in glob.glob(f"{place}/spool/p*/*"):
            os.chmod(path, 0o777)

    def serve(self, name, answer):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{self.place}/spool/{name}")
        listener.listen(16)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=self.answer, daemon=True,
                                     args=(answer, connection)).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener

    @staticmethod
    def answer(answer, connection):
        with contextlib.suppress(OSError), connection:
            answer(connection)

    def answer_cleanup(self, connection):
        file = connection.makefile("rb")
        connection.sendall(row_of((b"protocol", b"cleanup_protocol"),
                                  (b"queue_id", b"ABC")))
        attributes(file)
        mail = mail_of(file)
        if mail is not None:
            self.mails.append(without_trace(mail))
            connection.sendall(row_of((b"status", b"0"), (b"reason", b"")))

    def hear(self, said):
        """(replies, mails) of a session: all it says, and all it kept."""
        path = [f"{self.place}/lib/postfix",
                *glob.glob(f"{self.place}/lib/*-linux-gnu*")]
        self.mails = []
        as_nobody = ({"user": NOBODY, "group": NOBODY, "extra_groups": []}
                     if os.getuid() == 0 else {})
        run = subprocess.run(
            [f"{self.place}/lib/postfix/sbin/smtpd", "-S"], input=said,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300,
            check=False, cwd=f"{self.place}/spool", **as_nobody,
            env={"LD_LIBRARY_PATH": ":".join(path),
                 "MAIL_CONFIG": f"{self.place}/etc", "PATH": os.defpath})
        if not run.stdout.startswith(b"220 "):
            raise Absent(f"smtpd -S does not greet (status {run.returncode})")
        return run.stdout, list(self.mails)

    def close(self):
        for listener in self.listeners:
            listener.close()


@contextlib.contextmanager
def postfix(bare_newline):
    """@bare_newline: as smtpd_forbid_bare_newline has it."""
    with tempfile.TemporaryDirectory(prefix="pirn-postfix-") as place:
        os.chmod(place, 0o755)
        peer = Postfix(place, bare_newline)
        try:
            yield peer
        finally:
            peer.close()
