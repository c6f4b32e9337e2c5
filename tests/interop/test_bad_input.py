#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that misbehave: each gets its answer, the others notice nothing.

The rows are those of the table in smtp/README.md, said over a real socket;
every one of them is also tried on the pure machine (tests/unit/test_smtp_*).
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Client, Server, cases, directory, listed, pirn

ENVELOPE = (b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.org>\r\n")

# What is said after EHLO; the last reply; whether the connection stays.
ROWS = [
    ("a line over 2048 bytes", [b"NOOP " + b"x" * 2048 + b"\r\n"],
     b"500 5.5.2", True),
    ("an unknown command", [b"FROB\r\n"], b"500 5.5.1", True),
    ("an empty line", [b"\r\n"], b"500 5.5.1", True),
    ("RCPT before MAIL", [b"RCPT TO:<b@example.org>\r\n"], b"503 5.5.1", True),
    ("DATA before MAIL", [b"DATA\r\n"], b"503 5.5.1", True),
    ("MAIL twice", [ENVELOPE[0], ENVELOPE[0]], b"503 5.5.1", True),
    ("DATA without a recipient", [ENVELOPE[0], b"DATA\r\n"], b"554 5.5.1",
     True),
    ("a bare LF", [b"NOOP\n"], b"500 5.5.2", False),
    ("a bare CR", [b"NO\rOP\r\n"], b"500 5.5.2", False),
    ("a NUL", [b"NO\0OP\r\n"], b"500 5.5.2", True),
    ("SIZE over the limit", [b"MAIL FROM:<a@example.org> SIZE=10000000\r\n"],
     b"552 5.3.4", True),
    ("a sender without a domain", [b"MAIL FROM:<a>\r\n"], b"553 5.1.7", True),
    ("postmaster alone", [ENVELOPE[0], b"RCPT TO:<Postmaster>\r\n"],
     b"250 2.1.5", True),
    ("an unknown parameter", [b"MAIL FROM:<a@example.org> FOO=1\r\n"],
     b"555 5.5.4", True),
    ("an unfinished address", [b"MAIL FROM:<a@example.org\r\n"], b"501 5.1.7",
     True),
]

# Ends of data that end nothing, inside a mail.
FALSE_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r",
              b"\r.\r\n"]


def with_server(*options):
    def wrap(function):
        def case():
            with directory() as here:
                with Server(here + "/spool", "--max-size", "1000000",
                            *options) as server:
                    function(server)
                    honest_mail(server)
                    server.stop()
        case.__name__ = function.__name__
        return case
    return wrap


def honest_mail(server):
    before = len(listed(server.spool))
    with Client(server) as client:
        client.mail(b"hello\r\n")
    assert len(listed(server.spool)) == before + 1


@with_server()
def each_row_has_its_reply(server):
    for name, said, code, stays in ROWS:
        with Client(server) as client:
            for line in said[:-1]:
                client.say(line, b"250")
            client.say(said[-1], code)
            if stays:
                client.say(b"NOOP\r\n", b"250")
            else:
                assert client.is_closed(), name


@with_server()
def only_crlf_dot_crlf_ends_the_data(server):
    for end in FALSE_ENDS:
        with Client(server) as client:
            for line in ENVELOPE:
                client.say(line, b"250")
            client.say(b"DATA\r\n", b"354")
            client.say(b"mail" + end + b"MAIL FROM:<evil@example.org>\r\n.\r\n",
                       b"550 5.6.11")
            assert client.is_closed(), end
    assert not listed(server.spool)


@with_server()
def bytes_over_size_are_refused_after_the_dot(server):
    with Client(server) as client:
        client.mail(b"x" * 998 + b"\r\n", b"250")
        client.mail((b"x" * 998 + b"\r\n") * 1001, b"552 5.3.4")
        client.mail(b"small\r\n", b"250")
    assert len(listed(server.spool)) == 2


@with_server()
def a_thousand_recipients_and_no_more(server):
    with Client(server) as client:
        client.say(ENVELOPE[0], b"250")
        for i in range(1000):
            client.say(b"RCPT TO:<r%d@example.org>\r\n" % i, b"250")
        client.say(b"RCPT TO:<more@example.org>\r\n", b"452 4.5.3")
        client.say(b"DATA\r\n", b"354")
        client.say(b"hello\r\n.\r\n", b"250")
    (item,) = listed(server.spool).values()
    assert len(item["fields"]["to"]) == 1000


@with_server()
def nothing_is_answered_after_quit(server):
    with Client(server) as client:
        client.socket.sendall(b"QUIT\r\nMAIL FROM:<a@example.org>\r\n")
        client.expect(b"221")
        assert client.is_closed()


@with_server()
def clients_vanish_in_every_state(server):
    states = [[], [b"EHLO x\r\n"], [b"EHLO x\r\n", ENVELOPE[0]],
              [b"EHLO x\r\n", *ENVELOPE],
              [b"EHLO x\r\n", *ENVELOPE, b"DATA\r\n"],
              [b"EHLO x\r\n", *ENVELOPE, b"DATA\r\n", b"half a mail\r\n"],
              [b"EHLO x\r\n", *ENVELOPE, b"DATA\r\n", b"x" * 300000]]
    for reset in (False, True):
        for state in states:
            client = Client(server, hello=False)
            for said in state:
                client.socket.sendall(said)
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
            client.vanish()
    assert not listed(server.spool)


@with_server("--max-connections", "4")
def connections_over_the_limit_are_told_so(server):
    clients = [Client(server) for _ in range(4)]
    with Client(server, greet=False, hello=False) as one_more:
        one_more.expect(b"421 4.4.5")
        assert one_more.is_closed()
    for client in clients:
        client.say(b"QUIT\r\n", b"221")
        assert client.is_closed()
        client.vanish()


@with_server()
def too_many_errors_end_it(server):
    with Client(server) as client:
        for _ in range(19):
            client.say(b"FROB\r\n", b"500")
        client.say(b"FROB\r\n", b"421 4.7.0")
        assert client.is_closed()


def a_server_that_stops_says_so():
    with directory() as here, Server(here + "/spool") as server:
        with Client(server) as client:
            client.say(ENVELOPE[0], b"250")
            server.stop()
            client.expect(b"421 4.3.2")
            assert client.is_closed()


def nothing_half_written_is_left():
    with directory() as here, Server(here + "/spool") as server:
        with Client(server) as client:
            for line in ENVELOPE:
                client.say(line, b"250")
            client.say(b"DATA\r\n", b"354")
            client.socket.sendall(b"x" * 200000 + b"\r\n")
            client.say(b"\0\r\n.\r\n", b"550 5.6.11")
            client.say(b"NOOP\r\n", b"250")
        server.stop()
        bodies = [name for _, _, names in os.walk(server.spool + "/.data")
                  for name in names]
        assert not bodies, bodies
        assert not listed(server.spool)


if __name__ == "__main__":
    cases(each_row_has_its_reply, only_crlf_dot_crlf_ends_the_data,
          bytes_over_size_are_refused_after_the_dot,
          a_thousand_recipients_and_no_more, nothing_is_answered_after_quit,
          clients_vanish_in_every_state,
          connections_over_the_limit_are_told_so, too_many_errors_end_it,
          a_server_that_stops_says_so, nothing_half_written_is_left)
