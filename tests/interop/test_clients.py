#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What real clients send comes back byte-identical."""
import os
import random
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import (Client, Server, Skip, cases, directory, listed, peer,
                     pirn, queued_id)

SEED = int(os.environ.get("PIRN_SEED", "20260101"))
BODIES = 2000

# Every byte but NUL and a bare CR or LF.
OCTETS = bytes(set(range(1, 256)) - {10, 13})


def random_line(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return b"." * rng.randrange(1, 5)
    if kind == 1:
        return b"." + bytes(rng.choices(OCTETS, k=rng.randrange(40)))
    if kind == 2:
        return bytes(rng.choices(OCTETS, k=998))
    if kind == 3:
        return b""
    return bytes(rng.choices(OCTETS, k=rng.randrange(120)))


def random_body(rng):
    lines = [random_line(rng) for _ in range(rng.randrange(1, 30))]
    return b"".join(line + b"\r\n" for line in lines)


class Smtp(smtplib.SMTP):
    """smtplib, but for its habit of mending line ends in what we send."""

    def data(self, message):
        self.putcmd("data")
        code, text = self.getreply()
        assert code == 354, (code, text)
        self.send(smtplib._quote_periods(message) + b".\r\n")
        code, text = self.getreply()
        self.last = b"%d %s" % (code, text)
        return code, text


def bodies_of_smtplib_come_back():
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    sent = {}
    with directory() as here, Server(here + "/spool") as server:
        with Smtp("127.0.0.1", server.port) as client:
            for _ in range(BODIES):
                body = random_body(rng)
                client.sendmail("a@example.org", ["b@example.org"], body)
                sent[queued_id(client.last)] = body
        server.stop()
        assert listed(server.spool).keys() == sent.keys()
        for item, body in sent.items():
            assert pirn("cat", item, spool=server.spool) == body, item


def empty_and_unterminated_bodies():
    with directory() as here, Server(here + "/spool") as server:
        with Client(server) as client:
            empty = queued_id(client.mail(b""))
            line = queued_id(client.mail(b"\r\n"))
        with Client(server) as client:
            client.say(b"MAIL FROM:<>\r\n", b"250")
            client.say(b"RCPT TO:<b@example.org>\r\n", b"250")
            client.say(b"DATA\r\n", b"354")
            client.socket.sendall(b"never ended\r\n.\r")
        server.stop()
        assert listed(server.spool).keys() == {empty, line}
        assert pirn("cat", empty, spool=server.spool) == b""
        assert pirn("cat", line, spool=server.spool) == b"\r\n"


def a_large_mail_comes_back():
    rng = random.Random(SEED)
    body = b"".join(bytes(rng.choices(OCTETS, k=900)) + b"\r\n"
                    for _ in range(8000))
    with directory() as here, Server(here + "/spool") as server:
        with Client(server) as client:
            item = queued_id(client.mail(body))
        server.stop()
        assert pirn("cat", item, spool=server.spool) == body


def a_pipelined_flight_is_answered_in_order():
    flight = (b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
              b"DATA\r\nhello\r\n.\r\n")
    with directory() as here, Server(here + "/spool") as server:
        with Client(server) as client:
            client.socket.sendall(flight * 50 + b"QUIT\r\n")
            for _ in range(50):
                client.expect(b"250")
                client.expect(b"250")
                client.expect(b"354")
                client.expect(b"250 2.0.0 Ok: queued as")
            client.expect(b"221")
            assert client.is_closed()
        server.stop()
        assert len(listed(server.spool)) == 50


def swaks_delivers():
    if not shutil.which("swaks"):
        raise Skip("swaks is not installed")
    with directory() as here, Server(here + "/spool") as server:
        subprocess.run(["swaks", "--server", "127.0.0.1", "--port",
                        str(server.port), "--from", "a@example.org", "--to",
                        "b@example.org,c@example.org", "--pipeline", "--body",
                        "from swaks", "--silent", "2"], check=True, timeout=60)
        server.stop()
        (item,) = listed(server.spool).values()
        assert item["fields"]["to"] == ["b@example.org", "c@example.org"]
        assert b"from swaks" in pirn("cat", item["id"], spool=server.spool)


def curl_delivers():
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    with directory() as here, Server(here + "/spool") as server:
        body = b"Subject: from curl\r\n\r\n.a dot\r\n"
        subprocess.run(["curl", "-sS", f"smtp://127.0.0.1:{server.port}",
                        "--mail-from", "a@example.org", "--mail-rcpt",
                        "b@example.org", "-T", "-"], input=body, check=True,
                       timeout=60)
        server.stop()
        (item,) = listed(server.spool)
        assert pirn("cat", item, spool=server.spool) == body


def smtp_source_delivers_in_64_sessions():
    source = peer("smtp-source")
    with directory() as here, Server(here + "/spool") as server:
        for total in (1000, 2000):
            subprocess.run([source, "-s", "64", "-m", "1000", "-l", "4096",
                            "-d", "-f", "a@example.org", "-t",
                            "b@example.org", f"127.0.0.1:{server.port}"],
                           check=True, timeout=300)
            assert len(listed(server.spool)) == total
        server.stop()


if __name__ == "__main__":
    cases(bodies_of_smtplib_come_back, empty_and_unterminated_bodies,
          a_large_mail_comes_back, a_pipelined_flight_is_answered_in_order,
          swaks_delivers, curl_delivers, smtp_source_delivers_in_64_sessions)
