#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""take: what becomes of items that a command is run on."""
import contextlib
import datetime
import os
import re
import signal
import subprocess

from command import each_layout, new_spool, objects, put, run, shown
from harness import PIRN, cases, directory

FIELDS = ("--field", "from=a@b", "--field", "to=c@d", "--field", "to=e@f",
          "--field", "x=y")


def take(spool, script, *options, **more):
    """Run take on a line of shell."""
    return run("take", *options, "--", "sh", "-c", script, spool=spool, **more)


def counts(spool, queue="incoming"):
    status = objects(run("status", "--json", spool=spool).exits(0))[0]
    return {state: n for state, n in status["queues"][queue].items() if n}


def due_in(item):
    due = datetime.datetime.fromisoformat(item["due"].replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    return (due - now).total_seconds()


class Taker:
    """take with commands that say that they run, and end when they may."""

    def __init__(self, here, spool, *options, after=""):
        self.running = self.fifo(here, "running")
        self.may_end = self.fifo(here, "may_end")
        script = (f"echo $PIRN_ID > '{here}/running'; "
                  f"read line < '{here}/may_end'; {after} exit $line")
        self.process = subprocess.Popen(
            [PIRN, "take", "--spool", spool, *options, "--", "sh", "-c",
             script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    @staticmethod
    def fifo(here, name):
        """Open for both, so that neither side waits for the other."""
        path = os.path.join(here, name)
        if not os.path.exists(path):
            os.mkfifo(path)
        return os.open(path, os.O_RDWR)

    def next(self):
        """The id of the next command that runs."""
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.running, 1)
        return line.decode().strip()

    def let_end(self, count=1):
        """Each reads one byte, however many read at once."""
        os.write(self.may_end, b"\n" * count)

    def is_over(self):
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.let_end(10)
            self.process.communicate()
        os.close(self.running)
        os.close(self.may_end)


@each_layout
def a_command_gets_body_and_envelope_and_what_it_did_is_removed(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for body in (b"", b"hello\n", os.urandom(65536), os.urandom(65537),
                     os.urandom(5 << 20)):
            item = put(spool, body, *FIELDS)
            env = {"PIRN_SENDER": "not he", "OTHER": "stays"}
            ran = take(spool, "cat; env | grep -A1 -e ^PIRN_ -e ^OTHER= >&2",
                       env=env).exits(0)
            assert ran.out == body, len(body)
            for line in (f"PIRN_ID={item}", "PIRN_SENDER=a@b",
                         "PIRN_RECIPIENTS=c@d", "e@f", "PIRN_QUEUE=incoming",
                         "PIRN_ATTEMPTS=0", "OTHER=stays"):
                assert line in ran.err.splitlines(), (line, ran.err)
            assert "pirn: 1 removed, 0 given back" in ran.err
            run("show", item, spool=spool).exits(66)


def what_take_was_told_of_another_item_is_not_told_on():
    with directory() as here:
        spool = new_spool(here)
        put(spool, b"", *FIELDS)
        # no shell, which would make one of two
        ran = run("take", "--", "env", spool=spool,
                  env={"PIRN_SENDER": "not he"}).exits(0)
        senders = [line for line in ran.out.decode().splitlines()
                   if line.startswith("PIRN_SENDER=")]
        assert senders == ["PIRN_SENDER=a@b"]


@each_layout
def an_envelope_with_a_control_byte_is_told_to_no_command(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        bad = [put(spool, b"", "--field", "from=a@b", "--field", field)
               for field in ("to=c@d\nx@y", "to=c\x7f")]
        bad.append(put(spool, b"", "--field", "from=a\rb"))
        well = put(spool, b"", *FIELDS, "--field", "note=a\nb\tc")
        ran = take(spool, "echo $PIRN_ID").exits(0)
        assert ran.out.decode().split() == [well]
        for item in bad:
            assert f"item {item}: its sender or a recipient has" in ran.err
            dead = shown(spool, item)
            assert dead["queue"] == "dead", dead
            assert "control byte" in dead["fields"]["reason"][0]
        take(spool, "echo $PIRN_ID", "--queue", "dead").exits(0)
        assert {shown(spool, item)["queue"] for item in bad} == {"dead"}


@each_layout
def who_has_no_envelope_has_an_empty_one(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        put(spool)
        ran = take(spool, "echo [$PIRN_SENDER] [$PIRN_RECIPIENTS]").exits(0)
        assert ran.out == b"[] []\n"


@each_layout
def each_item_is_taken_once_and_an_empty_queue_is_1(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        ids = {put(spool) for _ in range(5)}
        assert take(spool, "exit 9", "--max", "1", "--queue",
                    "none").exits(66).says("queue none")
        first = take(spool, "echo $PIRN_ID", "--max", "2").exits(0)
        rest = take(spool, "echo $PIRN_ID", "--parallel", "8").exits(0)
        taken = first.out.decode().split(), rest.out.decode().split()
        assert len(taken[0]) == 2 and len(taken[1]) == 3
        assert set(taken[0]) | set(taken[1]) == ids
        take(spool, "echo $PIRN_ID").exits(1)


@each_layout
def later_is_delayed_and_longer_each_time(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        for attempt, most in enumerate((15, 30, 60, 120, 240, 480, 960)):
            ran = take(spool, "echo $PIRN_ATTEMPTS; exit 75").exits(0)
            assert ran.out == b"%d\n" % attempt
            delayed = shown(spool, item)
            assert delayed["state"] == "delayed"
            assert delayed["attempts"] == attempt + 1
            assert delayed["queue"] == "incoming"
            # the test's own time is no part of it: only the upper bound is near
            assert due_in(delayed) <= most, (attempt, delayed)
            assert due_in(delayed) > most / 2 - 60, (attempt, delayed)
            take(spool, "exit 0").exits(1)
            run("release", item, spool=spool).exits(0)
            assert shown(spool, item)["state"] == "ready"
            assert "due" not in shown(spool, item)
        assert counts(spool, "dead") == {}


@each_layout
def what_is_delayed_is_not_taken_again_by_the_same_take(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        for code in (75, 1):
            ids = [put(spool) for _ in range(3)]
            ran = take(spool, f"echo $PIRN_ID; exit {code}").exits(0)
            assert sorted(ran.out.decode().split()) == sorted(ids)
            assert "3 given back" in ran.err
            for item in ids:
                after = shown(spool, item)
                assert after["attempts"] == 1
                assert after["state"] == "delayed"
            run("rm", *ids, spool=spool).exits(0)


@each_layout
def what_is_dead_goes_to_the_other_layout_where_dead_has_it(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        run("create", "--queue", "dead", "--layout",
            "file" if layout == "log" else "log", spool=spool).exits(0)
        item = put(spool, b"body", *FIELDS)
        ran = take(spool, "exit 7", "--attempts", "1").exits(0)
        assert "1 moved to `dead'" in ran.err
        dead = shown(spool, item)
        assert dead["queue"] == "dead" and dead["state"] == "ready"
        assert dead["attempts"] == 1
        assert dead["fields"]["reason"] == ["exit code 7"]
        assert run("cat", item, spool=spool).out == b"body"
        take(spool, "exit 0", "--queue", "dead").exits(0)
        assert run("ls", spool=spool).exits(0).out == b""


@each_layout
def who_fails_too_often_is_dead_with_the_last_line_as_reason(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool, b"body", *FIELDS)
        for last in (False, False, True):
            run("release", item, spool=spool).exits(0)
            ran = take(spool, "echo first >&2; echo 'it is  so' >&2; "
                       "echo >&2; exit 3", "--attempts", "3").exits(0)
            assert "first\nit is  so\n\n" in ran.err, "passed on as it came"
            assert ("1 moved to `dead'" in ran.err) == last
        dead = shown(spool, item)
        assert dead["queue"] == "dead" and dead["state"] == "ready"
        assert dead["attempts"] == 3 and "due" not in dead
        assert dead["fields"] == {"from": ["a@b"], "to": ["c@d", "e@f"],
                                  "x": ["y"], "reason": ["it is  so"]}
        assert run("cat", item, spool=spool).out == b"body"
        # tried again, it has one reason
        run("mv", "--to", "incoming", item, spool=spool).exits(0)
        take(spool, "kill -9 $$", "--attempts", "1").exits(0)
        assert shown(spool, item)["fields"]["reason"] == ["signal 9"]
        run("mv", "--to", "incoming", item, spool=spool).exits(0)
        take(spool, "exit 7", "--attempts", "1").exits(0)
        assert shown(spool, item)["fields"]["reason"] == ["exit code 7"]


@each_layout
def what_is_taken_from_dead_is_delayed(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        take(spool, "exit 1", "--attempts", "1").exits(0)
        ran = take(spool, "echo $PIRN_ID; exit 1", "--attempts", "1",
                   "--queue", "dead", "--max", "5").exits(0)
        assert ran.out.decode().split() == [item]
        assert shown(spool, item)["state"] == "delayed"
        assert counts(spool, "dead") == {"delayed": 1}


@each_layout
def a_long_last_line_is_cut(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        ran = take(spool, "head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1",
                   "--attempts", "1").exits(0)
        assert ran.err.count("x") == 300000
        assert shown(spool, item)["fields"]["reason"] == ["x" * 1000]


@each_layout
def as_many_run_at_once_as_were_asked_for(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        ids = {put(spool) for _ in range(5)}
        with Taker(here, spool, "--parallel", "3") as taker:
            running = {taker.next() for _ in range(3)}
            assert counts(spool) == {"ready": 2, "claimed": 3}
            taker.let_end()
            running.add(taker.next())
            assert counts(spool) == {"ready": 1, "claimed": 3}
            taker.let_end(4)
            running.add(taker.next())
            code, err = taker.is_over()
            assert code == 0 and "5 removed" in err, err
            assert running == ids


@each_layout
def told_to_stop_it_lets_what_runs_end(layout):
    for number in (signal.SIGTERM, signal.SIGINT):
        with directory() as here:
            spool = new_spool(here, layout)
            ids = {put(spool), put(spool)}
            with Taker(here, spool) as taker:
                first = taker.next()
                taker.process.send_signal(number)
                taker.let_end()
                code, err = taker.is_over()
                assert code == 0 and "1 removed" in err, err
            (rest,) = ids - {first}
            assert shown(spool, rest)["attempts"] == 0
            run("show", first, spool=spool).exits(66)


@each_layout
def follow_waits_for_more(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        with Taker(here, spool, "--follow") as taker:
            for _ in range(2):
                item = put(spool)
                assert taker.next() == item
                taker.let_end()
            taker.process.send_signal(signal.SIGTERM)
            code, err = taker.is_over()
            assert code == 0 and "2 removed" in err, err
        with Taker(here, spool, "--follow", "--max", "1") as taker:
            put(spool)
            taker.next()
            taker.let_end()
            assert taker.is_over()[0] == 0


@each_layout
def what_somebody_has_is_75_and_stays(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        with Taker(here, spool, "--max", "1") as taker:
            assert taker.next() == item
            other = put(spool)
            run("rm", item, spool=spool).exits(75).says(item, "claimed")
            run("rm", "-n", item, spool=spool).exits(75).says(item)
            if layout == "log":
                for words in (("hold",), ("release",), ("hold", "-n"),
                              ("mv", "--to", "dead")):
                    run(*words, item, spool=spool).exits(75).says(item)
            ran = run("rm", "--queue", "incoming", "--all", spool=spool)
            assert ran.exits(75).out == b"1 removed, 1 claimed by somebody\n"
            run("show", other, spool=spool).exits(66)
            assert re.search(rb"claimed by owner \d+",
                             run("show", item, spool=spool).out)
            claimed = shown(spool, item)
            assert claimed["state"] == "claimed" and "owner" in claimed
            assert counts(spool) == {"claimed": 1}
            assert run("cat", item, spool=spool).exits(0).out == b"hello\n"
            taker.let_end()
            assert taker.is_over()[0] == 0
        run("show", item, spool=spool).exits(66)


@each_layout
def killed_it_leaves_the_item_to_the_next(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool)
        gone = f"echo gone > '{here}/running';"
        with Taker(here, spool, after=gone) as taker:
            assert taker.next() == item
            taker.process.kill()
            taker.let_end()  # the command goes on by itself
            assert taker.next() == "gone"
            taker.is_over()
        after = shown(spool, item)
        assert after["state"] == "ready" and after["attempts"] == 1
        assert shown(spool, item)["attempts"] == 1
        assert take(spool, "echo $PIRN_ID").exits(0).out == \
            item.encode() + b"\n"


@each_layout
def no_command_runs_on_a_body_that_changed(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        item = put(spool, os.urandom(200000))
        bodies = spool + ("/.log/data" if layout == "log" else "/.data")
        path = os.path.join(bodies, item[-2:], item)
        if not os.path.exists(path):
            (path,) = [os.path.join(at, name) for at, _, names in
                       os.walk(bodies) for name in names]
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"XXXXXXXXXXXXXXXX")
        ran = take(spool, "echo runs").exits(0)
        assert ran.out == b"" and item in ran.err and "checksum" in ran.err
        after = shown(spool, item)
        assert after["queue"] == "dead"
        assert "checksum" in after["fields"]["reason"][0]


@each_layout
def a_command_that_is_none_is_66_and_no_attempt(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        items = [put(spool), put(spool)]
        ran = run("take", "--", "./no-such-program", spool=spool).exits(66)
        assert "command ./no-such-program" in ran.err
        for item in items:
            assert shown(spool, item)["state"] == "ready"
            if layout == "log":
                assert shown(spool, item)["attempts"] == 0


@each_layout
def who_outlives_the_command_holds_nothing_up(layout):
    with directory() as here:
        spool = new_spool(here, layout)
        put(spool)
        os.mkfifo(here + "/end")
        os.mkfifo(here + "/gone")
        hold = os.open(here + "/end", os.O_RDWR)
        with contextlib.closing(os.fdopen(hold, "r+b", buffering=0)) as end:
            ran = take(spool, f"(read x < '{here}/end'; "
                       f"echo > '{here}/gone') & echo bye >&2",
                       stdout=subprocess.DEVNULL).exits(0)
            assert "bye\n" in ran.err and "1 removed" in ran.err
            end.write(b"\n")
            with open(here + "/gone", "rb") as gone:
                gone.read()


def a_wrong_command_line_is_64():
    for words in (("--max", "1"), ("--max", "0", "--", "true"),
                  ("--parallel", "x", "--", "true"),
                  ("--attempts", "0", "--", "true"), ("--", )):
        run("take", *words, spool=".").exits(64)


if __name__ == "__main__":
    cases(*[value for name, value in list(globals().items())
            if callable(value) and value.__module__ == "__main__"
            and not isinstance(value, type)
            and value.__code__.co_argcount == 0])
