#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where a mail ends: our machine and Postfix on the same bytes.

Every text of up to four (--long: six) of CR, LF, dot and a letter stands in the
middle of a mail and at its beginning. We end a mail only where RFC 5321 does,
at CR LF . CR LF, and Postfix (3.7.11, bare newlines normalized) in the same
places and in no other. Bare LFs alone, both keep the same lines, but for one: a
dot alone on a line that a bare LF begins or ends is an empty line to us, and
none to Postfix.
"""
import itertools
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import LONG, Skip, cases
from postfix import Absent, postfix

CHUNKING = os.environ.get("PIRN_FUZZ_CHUNKING", "build/tests/fuzz_chunking")
REFUSE, NORMALIZE = 0, 1
LONGEST = 6 if LONG else 4
ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>\r\n"
# What follows every text, and is in the mail unless the mail has ended.
BEHIND = b"BEHIND\r\n.\r\n"


def texts():
    """(before, text): what stands between "DATA" and BEHIND is their sum."""
    for length in range(LONGEST + 1):
        for text in itertools.product((b"\r", b"\n", b".", b"a"),
                                      repeat=length):
            for before in (b"", b"before"):
                yield before + b"".join(text)


TEXTS = list(texts())


def ours(setting, sessions):
    """The logs of sessions (talk.h), each heard whole."""
    with tempfile.TemporaryDirectory(prefix="pirn-test-") as place:
        paths = []
        for i, said in enumerate(sessions):
            paths.append(f"{place}/{i:06}")
            with open(paths[-1], "wb") as file:
                file.write(said)
        logs = subprocess.run([CHUNKING, "--say", str(setting), *paths],
                              stdout=subprocess.PIPE, check=True,
                              timeout=300).stdout
    at = 0
    for _ in sessions:
        end = logs.index(b"\n", at)
        length = int(logs[at:end])
        yield logs[end + 1:end + 1 + length]
        at = end + 1 + length
    assert at == len(logs)


def our_mail(log):
    """What was kept of the first mail; None: nothing."""
    at = log.index(GO_AHEAD) + len(GO_AHEAD)
    end = log.find(b"[end]", at)
    return None if end < 0 else log[at:end]


def our_mails(setting):
    sessions = [b"EHLO x\r\n" + ENVELOPE + text + BEHIND for text in TEXTS]
    return [our_mail(log) for log in ours(setting, sessions)]


def their_mails(bare_newline):
    """In one session: whatever was taken for the end, behind the dot of BEHIND
    no mail is open. A mark in front says whose a mail is."""
    said = b"EHLO x\r\n" + b"".join(
        ENVELOPE + b"M: %d\r\n\r\n" % i + text + BEHIND + b"RSET\r\n"
        for i, text in enumerate(TEXTS))
    try:
        with postfix(bare_newline) as peer:
            _, mails = peer.hear(said)
    except Absent as why:
        raise Skip(str(why)) from why
    kept = [None] * len(TEXTS)
    for mail in mails:
        mark, _, rest = mail.partition(b"\r\n\r\n")
        if mark.startswith(b"M: "):
            kept[int(mark[3:])] = rest
    return kept


def ends_by_rfc(text):
    """Behind a line's end: the text begins behind one."""
    return b"\r\n.\r\n" in b"\r\n" + text + b"BEHIND"


def has_ended(mail):
    return not mail.endswith(b"BEHIND\r\n")


def a_mail_ends_only_at_crlf_dot_crlf():
    for text, mail in zip(TEXTS, our_mails(NORMALIZE)):
        assert mail is not None, text
        assert has_ended(mail) == ends_by_rfc(text), (text, mail)


def where_bare_newlines_are_refused_nothing_else_is_kept():
    for text, mail in zip(TEXTS, our_mails(REFUSE)):
        mine = text.split(b"\r\n.\r\n")[0]
        if ends_by_rfc(text):
            mine = (b"\r\n" + text).split(b"\r\n.\r\n")[0]
        rest = mine.replace(b"\r\n", b"")
        # the end's own CR LF may have a CR in front
        is_bare = b"\r" in rest or b"\n" in rest
        assert (mail is None) == is_bare, (text, mail)


def lines_of(text, a_lone_dot):
    """A mail as read with bare LFs for line ends."""
    said = b"\r\n" + text + BEHIND
    said = said[2:said.index(b"\r\n.\r\n") + 2]
    lines = re.split(b"\r\n|\n", said)[:-1]
    kept = [line[1:] if line[:1] == b"." else line for line in lines
            if line != b"." or a_lone_dot]
    return b"".join(line + b"\r\n" for line in kept)


def postfix_ends_a_mail_where_we_do_and_keeps_its_lines():
    both = list(zip(TEXTS, our_mails(NORMALIZE), their_mails("normalize")))
    for text, mine, theirs in both:
        assert mine is not None and theirs is not None, text
        assert has_ended(mine) == has_ended(theirs), (text, mine, theirs)
        if b"\r" not in text.replace(b"\r\n", b""):
            assert mine == lines_of(text, True), (text, mine)
            assert theirs == lines_of(text, False), (text, theirs)
    print(f"{len(both)} texts, "
          f"{sum(has_ended(mine) for _, mine, _ in both)} with an end")


def where_postfix_ends_elsewhere_it_is_seen():
    """As it was before: a comparison that cannot fail would prove nothing."""
    elsewhere = [text for text, theirs in zip(TEXTS, their_mails("no"))
                 if theirs is not None and has_ended(theirs)
                 and not ends_by_rfc(text)]
    assert b"before\n.\n" in elsewhere, elsewhere
    print(f"{len(elsewhere)} of {len(TEXTS)} texts, were it so")


cases(a_mail_ends_only_at_crlf_dot_crlf,
      where_bare_newlines_are_refused_nothing_else_is_kept,
      postfix_ends_a_mail_where_we_do_and_keeps_its_lines,
      where_postfix_ends_elsewhere_it_is_seen)
