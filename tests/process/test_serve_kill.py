#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The server is killed under load: what was acknowledged is there.

Two clients send, each its own numbered mails, and note each one that was
answered with 250. At a random moment the server is killed with SIGKILL; it is
started again on the same spool. After each restart: every noted mail is there,
whole; whatever else is there is whole, too.
"""
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import LONG, Client, Server, cases, directory, listed, pirn
from harness import queued_id

SEED = int(os.environ.get("PIRN_SEED", str(random.randrange(1 << 32))))
PLAIN = os.environ.get("PIRN_ENGINE") == "plain"  # takes twice the time
KILLS = 500 if LONG else 10 if PLAIN else 20
LINE = b"0123456789abcdef" * 4 + b"\r\n"


def body_of(name):
    number = int(name.rsplit("-", 1)[1])
    return b"mail " + name.encode() + b"\r\n" + LINE * (number * 37 % 400)


def send_until_cut(server, name, acknowledged, sent):
    number = 0
    try:
        with Client(server) as client:
            while True:
                mail = f"{name}-{number}"
                sent.add(mail)
                acknowledged[queued_id(client.mail(body_of(mail)))] = mail
                number += 1
    except (OSError, AssertionError, AttributeError):
        return  # the server is gone


def one_life(spool, rng, life, acknowledged, sent):
    with Server(spool) as server:
        clients = [threading.Thread(target=send_until_cut,
                                    args=(server, f"{life}-{i}", acknowledged,
                                          sent))
                   for i in range(2)]
        for client in clients:
            client.start()
        time.sleep(rng.uniform(0.005, 0.25))
        server.kill()
        for client in clients:
            client.join(60)


def check(spool, acknowledged, sent, checked):
    """All that is there is whole; @checked has been looked at before."""
    there = listed(spool)
    lost = acknowledged.keys() - there.keys()
    assert not lost, f"lost: {sorted(lost)[:3]} of {len(acknowledged)}"
    new = list(there.keys() - checked)
    bodies = pirn("cat", *new, spool=spool) if new else b""
    for item in new:
        mail = re.match(rb"mail ([\d-]+)\r\n", bodies).group(1).decode()
        body, bodies = bodies[:len(body_of(mail))], bodies[len(body_of(mail)):]
        assert len(body) == there[item]["size"], f"{item} is not {mail}"
        assert body == body_of(mail), f"{item} is not {mail}"
        assert mail in sent, f"{mail} was invented"
        assert acknowledged.get(item, mail) == mail, f"{item} is not {mail}"
        checked.add(item)
    assert not bodies


def nothing_acknowledged_is_lost():
    print(f"PIRN_SEED={SEED}", flush=True)
    rng = random.Random(SEED)
    acknowledged, sent, checked = {}, set(), set()
    with directory() as here:
        spool = here + "/spool"
        for life in range(KILLS):
            one_life(spool, rng, life, acknowledged, sent)
            check(spool, acknowledged, sent, checked)
        with Server(spool) as server:
            server.stop()  # it starts, and removes what the killed left
        check(spool, acknowledged, sent, checked)
        status = pirn("status", spool=spool).decode()
        print(f"{KILLS} kills, {len(acknowledged)} acknowledged, "
              f"{len(checked)} there, {len(sent)} sent")
        print(status)
        assert acknowledged, "nothing was acknowledged: the test proves nothing"


if __name__ == "__main__":
    cases(nothing_acknowledged_is_lost)
