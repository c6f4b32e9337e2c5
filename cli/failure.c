/* SPDX-License-Identifier: MIT */
/*
 * failure.c - the table of causes; see failure.h
 *
 * The first row that fits counts, so what is about one thing stands before what
 * is about any. A name is printed as a field is: it stays in its line, and
 * moves no screen.
 */
#include "cli/failure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pirn/context.h>

#include "cli/print.h"

struct cause {
    enum thing thing;
    int error;
    enum code code;
    const char *says;
};

static const struct cause causes[] = {
    {THING_SPOOL, ENOENT, CODE_NOT_THERE,
     "there is no such directory; make a spool with `pirn create --spool DIR', "
     "or name another"},
    {THING_NEW_SPOOL, ENOENT, CODE_NOT_THERE,
     "it cannot be made: its name is a link that leads nowhere, or this file "
     "system makes no directories; name another place"},
    {THING_SPOOL, ENOTDIR, CODE_NOT_A_SPOOL,
     "this is not a directory, or a part of its path is none; name a spool's "
     "directory"},
    {THING_WITHIN, ENOTDIR, CODE_IO_ERROR,
     "a directory in it is missing, or is none; `pirn fsck --repair' sets "
     "aside what is none, and what is missing is to be made again (mkdir)"},
    {THING_SPOOL, ENOTEMPTY, CODE_NOT_A_SPOOL,
     "the directory holds other things, so it is not made into a spool; name "
     "an empty directory or a new one"},
    {THING_SPOOL, EMEDIUMTYPE, CODE_NOT_A_SPOOL,
     "this is not a spool, or a file of its own is missing or damaged: "
     "pirn-spool, .owners, or .log/log; name another directory, or put that "
     "file back"},
    {THING_SPOOL, ELOOP, CODE_NOT_A_SPOOL,
     "a directory of its own is a link; put the directory there that it leads "
     "to"},
    {THING_SPOOL, EBADMSG, CODE_IO_ERROR,
     "in the place of one of its files stands something else, as a FIFO or a "
     "device; look for it (find -not -type f -not -type d), and move it away"},
    {THING_SPOOL, EPROTO, CODE_NOT_A_SPOOL,
     "its format is newer than this program knows; use the pirn that made it, "
     "or a newer one"},
    {THING_SPOOL, EUSERS, CODE_TRY_LATER,
     "too many processes have it open; try again when some have ended"},
    {THING_SPOOL, EBADF, CODE_CONFIGURATION,
     "descriptor 0, 1 or 2 is closed, and one of its files would get that "
     "number; open /dev/null there"},
    {THING_SPOOL, EROFS, CODE_PERMISSION,
     "its file system is read-only; mount it for writing, or look into the "
     "kernel's log for why it became so; what it holds can be read in a copy "
     "(cp -a) on another one"},
    {THING_SPOOL, EXDEV, CODE_CONFIGURATION,
     "others have it open, and share an index that is not to be seen here; use "
     "it on their host, in a container that shares their /dev/shm"},
    {THING_SPOOL, EACCES, CODE_PERMISSION,
     "permission denied; run this as the user whose spool it is; if that is "
     "you, another user has opened it, and left files of his: give them back "
     "with chown -R, and the index that its .log/index names, too"},
    {THING_EVENTS, EOPNOTSUPP, CODE_CONFIGURATION,
     "it was made without a log, so its processes share no memory to tell them "
     "in; look again and again with `pirn ls', or make a new spool"},
    {THING_EVENTS, EUSERS, CODE_TRY_LATER,
     "64 listen already; try again when some have ended"},
    {THING_EVENTS, ENOSPC, CODE_TRY_LATER,
     "no room is left in /dev/shm, or where the spool's index is; make 2 MiB "
     "free there and try again"},
    {THING_QUEUE, ENOENT, CODE_NOT_THERE,
     "the spool has no such queue; make it with `pirn create --queue NAME'"},
    {THING_QUEUE, EINVAL, CODE_USAGE,
     "no queue can be called so; use 1 to 63 of a-z 0-9 - _, and neither a "
     "digit nor - first"},
    {THING_QUEUE, EEXIST, CODE_CONFIGURATION,
     "it is there with another layout, which it keeps, or a directory of that "
     "name is no queue; choose another name, or leave --layout out"},
    {THING_QUEUE, EOPNOTSUPP, CODE_CONFIGURATION,
     "the spool was made without a log; use --layout file, or make a new "
     "spool"},
    {THING_ITEM, EEXIST, CODE_CONFIGURATION,
     "a body with its id is among the files already; `pirn fsck --repair' "
     "takes a leftover away, then move it again"},
    {THING_ITEM, E2BIG, CODE_CONFIGURATION,
     "its fields are too long for the log, which adds the id; leave it where "
     "it is, or move it to a queue of the file layout"},
    {THING_ITEM, ENOENT, CODE_NOT_THERE,
     "there is no such item; `pirn ls' lists those that are there"},
    {THING_ITEM, EINVAL, CODE_USAGE,
     "this is not an id; ids are 26 of 0-9 a-v, as `pirn ls' prints them"},
    {THING_ITEM, EBUSY, CODE_TRY_LATER,
     "somebody has claimed it; try again later"},
    {THING_ITEM, ESTALE, CODE_TRY_LATER,
     "somebody else has taken it over; try again later"},
    {THING_ITEM, EBADMSG, CODE_IO_ERROR,
     "what is stored is damaged: it is missing in part, or does not match its "
     "checksum; do not trust it, look with `pirn fsck --deep', and at the "
     "disk"},
    {THING_ITEM, EILSEQ, CODE_IO_ERROR,
     "its sender or a recipient has a newline or another control byte, so no "
     "command is run on it; `pirn show' prints them"},
    {THING_FILE, ENOENT, CODE_NOT_THERE,
     "there is no such file; name another, or - for standard input"},
    {THING_FILE, EISDIR, CODE_USAGE,
     "this is a directory; name a file, or - for standard input"},
    {THING_FILE, EMEDIUMTYPE, CODE_NOT_THERE,
     "this is no regular file, so it is no message; move it out of the "
     "Maildir"},
    {THING_FILE, EMSGSIZE, CODE_USAGE,
     "a line is too long to begin with an id; give one id per line"},
    {THING_ADDRESS, EINVAL, CODE_USAGE,
     "this is not an address; write ADDR:PORT, as 127.0.0.1:2525 or "
     "[::1]:2525"},
    {THING_ADDRESS, EADDRINUSE, CODE_TRY_LATER,
     "another program listens there; stop it, or choose another port"},
    {THING_ADDRESS, EADDRNOTAVAIL, CODE_CONFIGURATION,
     "this machine does not have that address; `ip addr' lists those it has"},
    {THING_ADDRESS, EACCES, CODE_PERMISSION,
     "ports below 1024 are for root; choose another, or give the program "
     "CAP_NET_BIND_SERVICE"},
    {THING_SPOOL, ENOSPC, CODE_TRY_LATER,
     "no room is left: its file system is full, or has no inodes left, but for "
     "what changes and removals need (`pirn status'), or it holds as many "
     "items as it was made for (`pirn create --items'), or /dev/shm is full; "
     "make room and try again"},
    {THING_COMMAND, ENOENT, CODE_NOT_THERE,
     "there is no such program; name another after --, or its directory in "
     "PATH"},
    {THING_COMMAND, ENOEXEC, CODE_CONFIGURATION,
     "this is no program; begin a script with #! and its interpreter"},
    {THING_COMMAND, EAGAIN, CODE_TRY_LATER,
     "no process is left; raise the limit (ulimit -u), or try again later"},
    {THING_OWNER, ESRCH, CODE_NOT_THERE,
     "no such owner lives, and what he had is ready already; `pirn status' "
     "lists those who do"},
    {THING_OWNER, EINVAL, CODE_USAGE,
     "this is no owner but this command itself, or nobody's name; name one as "
     "`pirn status' prints it"},
    {THING_MAILDIR, ENOENT, CODE_NOT_THERE,
     "there is no such Maildir, with tmp, new and cur in it; make one with "
     "`mkdir -p DIR/tmp DIR/new DIR/cur'"},
    {THING_MAILDIR, ENOTDIR, CODE_NOT_THERE,
     "this is no Maildir; name a directory with tmp, new and cur in it"},
    {THING_OUTPUT, EPIPE, CODE_IO_ERROR,
     "who read it has gone; let it read to the end, or leave SIGPIPE as it is, "
     "which ends this in silence"},
    {THING_ANY, ENOSPC, CODE_TRY_LATER,
     "no room is left on its file system; make room and try again"},
    {THING_ANY, EDQUOT, CODE_TRY_LATER,
     "the quota is used up; make room and try again"},
    {THING_ANY, EROFS, CODE_PERMISSION,
     "its file system is read-only; mount it for writing, or look into the "
     "kernel's log for why it became so"},
    {THING_ANY, EACCES, CODE_PERMISSION,
     "permission denied; run this as the user who owns it, or let this user "
     "in"},
    {THING_ANY, EPERM, CODE_PERMISSION,
     "not permitted to this user; run this as the user who owns it"},
    {THING_ANY, ENOMEM, CODE_TRY_LATER,
     "out of memory; make some free and try again"},
    {THING_ANY, EMFILE, CODE_TRY_LATER,
     "no descriptor is left; raise the limit of open files (ulimit -n)"},
    {THING_ANY, ENFILE, CODE_TRY_LATER,
     "the system has no descriptor left; try again later"},
    {THING_ANY, EIO, CODE_IO_ERROR,
     "the device failed (EIO); look at the kernel's log, and at the disk"},
};

static const char *const things[] = {
    [THING_ANY] = "",
    [THING_SPOOL] = "spool ",
    [THING_WITHIN] = "spool ",
    [THING_NEW_SPOOL] = "spool ",
    [THING_EVENTS] = "events of ",
    [THING_QUEUE] = "queue ",
    [THING_ITEM] = "item ",
    [THING_FILE] = "file ",
    [THING_ADDRESS] = "address ",
    [THING_OUTPUT] = "",
    [THING_COMMAND] = "command ",
    [THING_MAILDIR] = "Maildir ",
    [THING_OWNER] = "owner ",
};

static const struct cause *find(enum thing thing, int error)
{
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (causes[i].error == -error &&
            (causes[i].thing == thing || causes[i].thing == THING_ANY)) {
            return &causes[i];
        }
    }
    return NULL;
}

enum code failure_say(enum thing thing, const char *name, int error)
{
    const struct cause *cause = find(thing, error);

    if (thing == THING_FILE && strcmp(name, "-") == 0) {
        thing = THING_ANY;
        name = "standard input";
    }
    fprintf(stderr, "pirn: %s", things[thing]);
    print_safe(stderr, name);
    fprintf(stderr, ": %s\n", cause != NULL ? cause->says : strerror(-error));
    return cause != NULL ? cause->code : CODE_IO_ERROR;
}

enum code failure_say_claimed(const char *item, uint32_t pid, const char *owner)
{
    fprintf(stderr, "pirn: item %s: ", item);
    if (pid > 0) {
        fprintf(stderr, "process %" PRIu32 " (", pid);
    }
    fprintf(stderr,
            "owner %s%s has claimed it; try again later, or, if that hangs, "
            "take this item away from it: `pirn release --claimed %s'\n",
            owner, pid > 0 ? ")" : "", item);
    return CODE_TRY_LATER;
}

static enum code code_of_ring(int error)
{
    switch (error) {
    case -EINVAL:
        return CODE_CONFIGURATION;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
        return CODE_TRY_LATER;
    default:
        return CODE_REFUSED;
    }
}

enum code failure_say_ring(int error)
{
    fprintf(stderr, "pirn: %s\n", pirn_context_refusal(error));
    return code_of_ring(error);
}

enum code failure_not_yet(const char *option, const char *remedy)
{
    fprintf(stderr, "pirn: %s: this version cannot do that yet; %s\n", option,
            remedy);
    return CODE_CONFIGURATION;
}
