/* SPDX-License-Identifier: MIT */
/*
 * memory_check.c - see runtime/memory_check.h
 *
 * Two halves: what each tool is asked and told of one piece of memory, and
 * which pieces each operation names. A piece is read by the kernel or written
 * by it; on the way back the result says how much was written.
 *
 * A multishot names no memory; its bytes are in the context's. Raw submissions
 * are not looked at: nobody here understands their fields.
 */
#include "runtime/memory_check.h"

#ifdef PIRN_WATCHED

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#ifdef PIRN_WATCHED_BY_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef PIRN_WATCHED_BY_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef PIRN_WATCHED_BY_MEMCHECK
#include <valgrind/memcheck.h>
#endif

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "runtime/context.h"

enum access {
    KERNEL_READS,
    KERNEL_WRITES,
};

/* One look at what one loan names. */
struct look {
    bool is_back;    /* the kernel has done with it */
    uint64_t filled; /* bytes that it wrote, and no piece has accounted for */
};

/* --- hand-over --- */

#ifdef PIRN_WATCHED_BY_TSAN

/* Whether the other end of the descriptor may be another thread's. */
static bool is_message(const struct pirn_loan *loan)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_SEND:
    case ENGINE_SENDMSG:
    case ENGINE_RECV:
        return true;
    case ENGINE_READ:
    case ENGINE_READ_MULTISHOT:
    case ENGINE_READV:
    case ENGINE_WRITE:
    case ENGINE_WRITEV:
        return loan->offset == PIRN_OFFSET_CURRENT;
    default:
        return false;
    }
}

/* Who receives through a pipe or a socket comes after who sent. By one address
 * for all of them, as TSan has it for the calls on sockets: which descriptors
 * are two ends of one thing the kernel alone knows. */
static void hand_over(const struct look *look, const struct pirn_loan *loan)
{
    static char any_end;

    if (!is_message(loan)) {
        return;
    }
    if (look->is_back) {
        __tsan_acquire(&any_end);
    } else {
        __tsan_release(&any_end);
    }
}

#else

static void hand_over(const struct look *look, const struct pirn_loan *loan)
{
    (void)look;
    (void)loan;
}

#endif

/* --- one piece --- */

/* Whether all of it may be touched; if not, the tool says whose it was. ASan
 * can tell only before the kernel writes: it keeps that in freed memory. */
static bool is_there(const struct look *look, const void *memory, size_t len)
{
#ifdef PIRN_WATCHED_BY_ASAN
    void *bad = __asan_region_is_poisoned((void *)(uintptr_t)memory, len);

    if (bad != NULL) {
        if (!look->is_back) {
            __asan_describe_address(bad);
        }
        return false;
    }
#endif
#ifdef PIRN_WATCHED_BY_MEMCHECK
    if (VALGRIND_CHECK_MEM_IS_ADDRESSABLE(memory, len) != 0) {
        return false;
    }
#endif
    (void)look;
    (void)memory;
    (void)len;
    return true;
}

#ifdef PIRN_WATCHED_BY_TSAN

/* What the compiler calls for an access of any length; in no header. */
void __tsan_read_range(void *memory, long len);
void __tsan_write_range(void *memory, long len);

/* As if the context's thread did it: nobody else may touch what is on loan. */
static void tell(const struct look *look, enum access access, void *memory,
                 size_t len)
{
    if (access == KERNEL_WRITES) {
        __tsan_write_range(memory, (long)len);
    } else if (!look->is_back) {
        __tsan_read_range(memory, (long)len);
    }
}

#elif defined(PIRN_WATCHED_BY_MEMCHECK)

/* What leaves must be defined, or somebody's memory leaks out; what came is. */
static void tell(const struct look *look, enum access access, void *memory,
                 size_t len)
{
    if (access == KERNEL_WRITES && look->is_back) {
        (void)VALGRIND_MAKE_MEM_DEFINED_IF_ADDRESSABLE(memory, len);
    } else if (access == KERNEL_READS && !look->is_back) {
        (void)VALGRIND_CHECK_MEM_IS_DEFINED(memory, len);
    }
}

#else

static void tell(const struct look *look, enum access access, void *memory,
                 size_t len)
{
    (void)look;
    (void)access;
    (void)memory;
    (void)len;
}

#endif

static void look_at(struct look *look, enum access access, uint64_t address,
                    uint64_t len)
{
    void *memory = (void *)(uintptr_t)address;

    pirn_assert_rule(len == 0 || is_there(look, memory, len),
                     "what an op names lives, whole, from its start to its "
                     "function");
    if (access == KERNEL_WRITES && look->is_back) {
        len = len < look->filled ? len : look->filled;
        look->filled -= len;
    }
    if (len > 0) {
        tell(look, access, memory, len);
    }
}

/* --- the pieces of each operation --- */

/* Byte by byte: it ends with its NUL, or with its memory. */
static void look_at_path(struct look *look, uint64_t address)
{
    const char *path = (const char *)(uintptr_t)address;

    do {
        look_at(look, KERNEL_READS, (uintptr_t)path, 1);
    } while (*path++ != '\0');
}

static void look_at_pieces(struct look *look, enum access access,
                           uint64_t address, uint64_t count)
{
    const struct iovec *iov = (const void *)(uintptr_t)address;

    look_at(look, KERNEL_READS, address, count * sizeof(*iov));
    for (uint64_t i = 0; i < count; i++) {
        look_at(look, access, (uintptr_t)iov[i].iov_base, iov[i].iov_len);
    }
}

static void look_at_message(struct look *look, uint64_t address)
{
    const struct msghdr *message = (const void *)(uintptr_t)address;

    look_at(look, KERNEL_READS, address, sizeof(*message));
    look_at(look, KERNEL_READS, (uintptr_t)message->msg_name,
            message->msg_namelen);
    look_at(look, KERNEL_READS, (uintptr_t)message->msg_control,
            message->msg_controllen);
    look_at_pieces(look, KERNEL_READS, (uintptr_t)message->msg_iov,
                   message->msg_iovlen);
}

/* On the way back the length is that of the peer's address, which need not have
 * fitted; its first byte shows whether the memory is there. */
static void look_at_peer(struct look *look, uint64_t address,
                         uint64_t address_len)
{
    const socklen_t *len = (const void *)(uintptr_t)address_len;

    if (len != NULL) {
        look_at(look, KERNEL_WRITES, address_len, sizeof(*len));
        look_at(look, KERNEL_WRITES, address,
                look->is_back && *len > 0 ? 1 : *len);
    }
}

/* What the two fields of a loan that may be addresses, are. */
enum named {
    NOTHING = 0,
    PATH,
    SOURCE,  /* of loan.len bytes */
    TARGET,  /* likewise; the result is the bytes written */
    SOURCES, /* as many pieces */
    TARGETS,
    MESSAGE,
    STATX,
    ROOM,    /* struct pirn_room */
    ADDRESS, /* of loan.offset bytes */
    PEER,    /* of as many bytes as loan.offset points to */
};

static const struct {
    uint8_t addr;
    uint8_t offset;
} names[ENGINE_OPCODE_COUNT] = {
    [ENGINE_OPEN] = {PATH, NOTHING},
    [ENGINE_OPEN_BENEATH] = {PATH, NOTHING},
    [ENGINE_READ] = {TARGET, NOTHING},
    [ENGINE_WRITE] = {SOURCE, NOTHING},
    [ENGINE_READV] = {TARGETS, NOTHING},
    [ENGINE_WRITEV] = {SOURCES, NOTHING},
    [ENGINE_CONFIRM] = {PATH, SOURCE},
    [ENGINE_RENAME] = {PATH, PATH},
    [ENGINE_UNLINK] = {PATH, NOTHING},
    [ENGINE_MKDIR] = {PATH, NOTHING},
    [ENGINE_FIFO] = {PATH, NOTHING},
    [ENGINE_LINK] = {PATH, PATH},
    [ENGINE_SYMLINK] = {PATH, PATH},
    [ENGINE_STAT] = {PATH, STATX},
    [ENGINE_LIST] = {TARGET, NOTHING},
    [ENGINE_ROOM] = {ROOM, NOTHING},
    [ENGINE_BIND] = {ADDRESS, NOTHING},
    [ENGINE_SET_OPTION] = {SOURCE, NOTHING},
    [ENGINE_ACCEPT] = {PEER, NOTHING},
    [ENGINE_CONNECT] = {ADDRESS, NOTHING},
    [ENGINE_SEND] = {SOURCE, NOTHING},
    [ENGINE_SENDMSG] = {MESSAGE, NOTHING},
    [ENGINE_RECV] = {TARGET, NOTHING},
};

static void look_at_named(struct look *look, const struct pirn_loan *loan,
                          enum named named, uint64_t address)
{
    switch (named) {
    case NOTHING:
        return;
    case PATH:
        look_at_path(look, address);
        return;
    case SOURCE:
        look_at(look, KERNEL_READS, address, loan->len);
        return;
    case TARGET:
        look_at(look, KERNEL_WRITES, address, loan->len);
        return;
    case SOURCES:
        look_at_pieces(look, KERNEL_READS, address, loan->len);
        return;
    case TARGETS:
        look_at_pieces(look, KERNEL_WRITES, address, loan->len);
        return;
    case MESSAGE:
        look_at_message(look, address);
        return;
    case STATX:
        look_at(look, KERNEL_WRITES, address, sizeof(struct statx));
        return;
    case ROOM:
        look_at(look, KERNEL_WRITES, address, sizeof(struct pirn_room));
        return;
    case ADDRESS:
        look_at(look, KERNEL_READS, address, loan->offset);
        return;
    case PEER:
        look_at_peer(look, address, loan->offset);
        return;
    }
}

static void look_at_loan(struct look *look, const struct pirn_loan *loan)
{
    hand_over(look, loan);
    if (!(loan->flags & LOAN_MULTISHOT) && loan->opcode < ENGINE_OPCODE_COUNT) {
        look_at_named(look, loan, names[loan->opcode].addr, loan->addr);
        look_at_named(look, loan, names[loan->opcode].offset, loan->offset);
    }
}

void pirn__memory_check_submitted(const struct pirn_link *queue)
{
    struct look look = {.is_back = false};

    for (const struct pirn_link *link = queue->next; link != queue;
         link = link->next) {
        look_at_loan(&look, pirn_container_of(link, struct pirn_loan, link));
    }
}

/* The result tells how much was written, or that it was all. */
void pirn__memory_check_completed(const struct buffers *buffers,
                                  struct engine_event event)
{
    uint8_t named = names[event.loan->opcode].addr;
    bool counts =
        named == TARGET || named == TARGETS || event.buffer != ENGINE_NO_BUFFER;
    struct look look = {.is_back = true};

    if (event.result >= 0) {
        look.filled = counts ? (uint64_t)event.result : UINT64_MAX;
    }
    if (event.buffer != ENGINE_NO_BUFFER) {
        look_at(&look, KERNEL_WRITES,
                (uintptr_t)buffer_bytes(buffers, event.buffer), buffers->bytes);
    }
    look_at_loan(&look, event.loan);
}

#endif
