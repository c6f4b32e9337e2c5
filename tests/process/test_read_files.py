# SPDX-License-Identifier: MIT
"""A spool of files read by its format alone says what the program says of it.

spool_maker makes a spool with a past and closes it; read_files.py reads it, and
then the program opens it. What stands nowhere else, a command that `take` runs
finds: items which somebody has.
"""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import PIRN, Skip, cases, directory, listed, pirn  # noqa: E402

MAKER = os.environ.get("PIRN_SPOOL_MAKER", "build/tests/spool_maker")
READER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "read_files.py")
COUNT = 160


def make(spool):
    made = subprocess.run([MAKER, spool, str(COUNT), "file", "close"],
                          timeout=120, stderr=subprocess.PIPE)
    if made.returncode == 77:
        raise Skip("io_uring is refused")
    assert made.returncode == 0, made


def by_id(text):
    items = [json.loads(line) for line in text.decode().splitlines()]
    assert len({item["id"] for item in items}) == len(items), "an id twice"
    return {item["id"]: item for item in items}


def read(spool):
    done = subprocess.run([sys.executable, "-B", READER, spool], timeout=60,
                          stdout=subprocess.PIPE, check=True)
    items = by_id(done.stdout)
    assert all(item["digest_ok"] for item in items.values()), "not its body"
    return items


def refused(spool):
    """What the reader says of one that is damaged."""
    done = subprocess.run([sys.executable, "-B", READER, spool], timeout=60,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.returncode == 1, "damage is passed over"
    return done.stderr.decode().splitlines()[-1]


def as_said(item):
    """Without what the program does not say; times to the millisecond."""
    said = {key: value for key, value in item.items()
            if key not in ("digest_ok", "names")}
    for key in ("created", "due", "claimed"):
        if key in said:
            said[key] = said[key][:23] + "Z"
    return said


def compare(ours, theirs):
    assert set(ours) == set(theirs), set(ours) ^ set(theirs)
    for name, item in ours.items():
        said = as_said(item)
        differs = {key for key in said | theirs[name]
                   if said.get(key) != theirs[name].get(key)}
        assert not differs, (differs, said, theirs[name])


def counts(items, key):
    found = {}
    for item in items.values():
        found[item.get(key)] = found.get(item.get(key), 0) + 1
    return found


def a_closed_spool_is_read_as_the_program_reads_it():
    with directory() as here:
        spool = os.path.join(here, "spool")
        make(spool)
        items = read(spool)
        states = counts(items, "state")
        assert min(states.get(state, 0) for state in
                   ("ready", "held", "delayed")) > 5, states
        assert len(counts(items, "priority")) == 16
        assert counts(items, "names") == {
            1: len(items) - COUNT // 40 * 2, 2: COUNT // 40 * 2}, items
        compare(items, listed(spool))
        compare(items, by_id(pirn("show", "--json", *items, spool=spool)))
        compare(read(spool), listed(spool))  # the program changed nothing


def bodies_are_what_cat_prints():
    with directory() as here:
        spool = os.path.join(here, "spool")
        make(spool)
        for name in sorted(read(spool))[::20]:
            with open(f"{spool}/.data/{name[-2:]}/{name}", "rb") as body:
                assert body.read() == pirn("cat", name, spool=spool)


def so_are_items_that_somebody_has_and_that_died():
    with directory() as here:
        spool = os.path.join(here, "spool")
        pirn("create", "--layout", "file", spool=spool)
        for i in range(4):
            pirn("put", "--field", f"note=b%{i}\n", spool=spool, input=b"x" * i)
        look = (f"'{sys.executable}' -B '{READER}' '{spool}' >'{here}/ours'; "
                f"'{PIRN}' ls --json --spool '{spool}' >'{here}/theirs'; "
                "echo no >&2; exit 1")
        subprocess.run([PIRN, "take", "--spool", spool, "--attempts", "1",
                        "--max", "2", "--", "sh", "-c", look],
                       timeout=60, check=False, stderr=subprocess.DEVNULL)
        with open(here + "/ours", "rb") as ours, \
                open(here + "/theirs", "rb") as theirs:
            during = by_id(ours.read())
            compare(during, by_id(theirs.read()))
        assert counts(during, "state") == {"ready": 3, "claimed": 1}, during
        after = read(spool)
        compare(after, listed(spool))
        assert counts(after, "queue") == {"incoming": 2, "dead": 2}
        assert sum("reason" in item["fields"] for item in after.values()) == 2


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def damage_ends_it_with_the_name_of_the_file():
    with directory() as here:
        spool = os.path.join(here, "spool")
        pirn("create", "--layout", "file", spool=spool)
        name = pirn("put", spool=spool, input=b"body").decode().strip()
        shard = name[-2:]
        meta = f"{spool}/incoming/{shard}/{name}"
        other = f"{spool}/incoming/{'10' if shard != '10' else '11'}/{name}"
        body = f"{spool}/.data/{shard}/{name}"
        os.mkdir(f"{spool}/incoming/.priority+3")
        plants = [
            (lambda: flip(meta, 40), "torn or damaged"),
            (lambda: flip(spool + "/pirn-spool", 11), "torn or damaged"),
            (lambda: os.truncate(body, 3), "not as long"),
            (lambda: os.unlink(body), "No such file"),
            (lambda: shutil.move(meta, other), "another's shard"),
            (lambda: shutil.copy(meta, other), "another"),
            (lambda: shutil.move(meta, f"{spool}/incoming/.priority+3/"),
             "another place"),
            (lambda: os.rename(meta, meta[:-26] + "0" * 24 + shard),
             "metadata of"),
            (lambda: os.rmdir(f"{spool}/incoming/1v"), "is not there"),
        ]
        whole = read(spool)
        for plant, words in plants:
            shutil.copytree(spool, spool + "-kept")
            plant()
            assert words in refused(spool), (words, refused(spool))
            shutil.rmtree(spool)
            os.rename(spool + "-kept", spool)
            assert read(spool) == whole
        flip(body, 0)
        done = subprocess.run([sys.executable, "-B", READER, spool],
                              timeout=60, stdout=subprocess.PIPE, check=True)
        assert not json.loads(done.stdout)["digest_ok"]


cases(a_closed_spool_is_read_as_the_program_reads_it,
      bodies_are_what_cat_prints,
      so_are_items_that_somebody_has_and_that_died,
      damage_ends_it_with_the_name_of_the_file)
