#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server that may not have what it would like: descriptors, memory.

It refuses or waits, says 4xx or 421, and goes on; what it acknowledged is there.
"""
import contextlib
import os
import resource
import select
import shutil
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import LONG, Client, Server, Skip, cases, directory, listed

CLIENTS = 400 if LONG else 60
ROOM = 20  # descriptors that are left
MAILS, MAIL = (20, 1000000) if LONG else (3, 200000)
MEMORY = 64 << 20
NOBODY = 65534


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root may make a process another user's")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def greeted(clients):
    """Those that have heard something by now."""
    return [client for client in clients
            if select.select([client], [], [], 0)[0]]


def who_finds_no_descriptor_waits_and_is_served():
    with directory() as here, Server(here + "/spool", "--max-connections",
                                     str(2 * CLIENTS)) as server:
        pid = server.process.pid
        with Client(server) as client:
            client.mail(b"first\r\n")
        most = descriptors(pid) + ROOM
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        waiting = [server.connect(120) for _ in range(CLIENTS)]
        with contextlib.ExitStack() as stack:
            for client in waiting:
                stack.enter_context(client)
            served = 0
            while descriptors(pid) < most - 1:
                select.select([], [], [], 0.01)
            before = cpu_ticks(pid)
            assert not select.select(waiting[2 * ROOM:], [], [], 2)[0]
            spent = (cpu_ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
            print(f"{spent} s of CPU in 2 s without descriptors")
            assert spent < 1, "it asks again and again"
            assert len(greeted(waiting)) <= 2 * ROOM
            while waiting:  # who was served makes room
                ready = select.select(waiting, [], [], 120)[0]
                assert ready, f"{len(waiting)} wait for ever"
                for client in ready:
                    assert client.recv(100)[:3] == b"220"
                    client.close()
                    waiting.remove(client)
                    served += 1
            assert served == CLIENTS
        with Client(server) as client:
            client.mail(b"last\r\n")
        server.stop()
        assert len(listed(here + "/spool")) == 2


@contextlib.contextmanager
def locking_nothing(*options):
    """A server of a user who has no rights, and may lock no memory."""
    need_root()
    if not shutil.which("setpriv") or not shutil.which("prlimit"):
        raise Skip("setpriv and prlimit are not installed")
    with directory() as here:
        os.chmod(here, 0o711)
        spool = here + "/spool"
        os.mkdir(spool)
        os.chown(spool, NOBODY, NOBODY)
        prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                  "--clear-groups", "prlimit", "--memlock=0:0")
        with Server(spool, *options, prefix=prefix) as server:
            yield server


def a_user_who_may_lock_no_memory_serves():
    with locking_nothing() as server:
        with open(f"/proc/{server.process.pid}/status") as status:
            assert f"Uid:\t{NOBODY}" in status.read()
        with Client(server) as client:
            client.mail(b"mine\r\n" * 20000)
            client.mail(b"mine, too\r\n")
        server.stop()
        assert len(listed(server.spool)) == 2


def a_ring_that_he_is_refused_has_a_remedy():
    if "PIRN_ENGINE" in os.environ:
        raise Skip("PIRN_ENGINE has decided")
    try:
        with locking_nothing("--engine", "uring") as server:
            server.stop()
    except AssertionError as refused:
        assert "ulimit -l" in str(refused), refused
    else:
        raise Skip("this kernel counts no ring as locked memory")


@contextlib.contextmanager
def memory_group(limit):
    """A control group of either version with so much memory."""
    for root, kind in (("/sys/fs/cgroup", "memory.max"),
                       ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        path = f"{root}/pirn-test-{os.getpid()}"
        try:
            os.mkdir(path)
        except OSError:
            continue
        if not os.path.exists(f"{path}/{kind}"):
            os.rmdir(path)
            continue
        with open(f"{path}/{kind}", "w") as file:
            file.write(str(limit))
        try:
            yield path
        finally:
            os.rmdir(path)
        return
    raise Skip("no control group for memory may be made here")


def mails(server, outcomes, index):
    """Each is taken, or refused for now."""
    with contextlib.suppress(OSError), Client(server) as client:
        for i in range(MAILS):
            client.socket.sendall(b"MAIL FROM:<a@example.org>\r\n"
                                  b"RCPT TO:<b@example.org>\r\nDATA\r\n")
            for code in (b"250", b"250", b"354"):
                client.expect(code)
            line = b"%d %d " % (index, i) + b"x" * 60 + b"\r\n"
            client.socket.sendall(line * (MAIL // len(line)) + b".\r\n")
            outcomes.append(client.reply()[-1][:3])


def a_group_with_little_memory_is_not_outgrown():
    with memory_group(MEMORY) as group, directory() as here:
        with Server(here + "/spool") as server:
            with open(f"{group}/cgroup.procs", "w") as file:
                file.write(str(server.process.pid))
            outcomes = []
            threads = [threading.Thread(target=mails,
                                        args=(server, outcomes, index))
                       for index in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert server.process.poll() is None, "it was killed"
            print({code: outcomes.count(code) for code in set(outcomes)})
            assert outcomes.count(b"250") > 0
            assert all(code in (b"250", b"451", b"452") for code in outcomes)
            with Client(server) as client:
                client.mail(b"last\r\n")
            server.stop()
        assert len(listed(here + "/spool")) == outcomes.count(b"250") + 1


if __name__ == "__main__":
    cases(who_finds_no_descriptor_waits_and_is_served,
          a_user_who_may_lock_no_memory_serves,
          a_ring_that_he_is_refused_has_a_remedy,
          a_group_with_little_memory_is_not_outgrown)
