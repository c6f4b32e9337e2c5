/* SPDX-License-Identifier: MIT */
/*
 * test_memory_check.c - what an op names lives from its start to its function
 *
 * Only ASan knows what is gone, so a build without it has nothing to test. Each
 * broken rule is broken in a child, which must stop with the rule's name.
 */
#include "tests/kernel/ring.h"

#include <sys/socket.h>

#include "runtime/memory_check.h"
#include "tests/sim/death.h"

#ifdef PIRN_WATCHED_BY_ASAN

static const char rule[] =
    "what an op names lives, whole, from its start to its function";

enum { ROOM = 4096 };

/* Memory that was, by an address of which the compiler knows nothing. */
static void *gone(void)
{
    volatile uintptr_t address = (uintptr_t)malloc(ROOM);

    free((void *)address);
    return (void *)address;
}

static void turn(struct pirn_context *context, uint64_t timeout_ns)
{
    if (pirn_context_turn(context, timeout_ns) < 0) {
        _exit(1);
    }
}

/* --- at submission --- */

typedef void prep_fn(struct pirn_op *op, void *memory);

static void read_into(struct pirn_op *op, void *memory)
{
    pirn_prep_read(op, 0, memory, ROOM, 0);
}

static void write_from(struct pirn_op *op, void *memory)
{
    pirn_prep_write(op, 0, memory, ROOM, 0);
}

static void readv_array(struct pirn_op *op, void *memory)
{
    pirn_prep_readv(op, 0, memory, 2, 0);
}

static void writev_piece(struct pirn_op *op, void *memory)
{
    static struct iovec iov[2];

    iov[0] = (struct iovec){iov, sizeof(iov)};
    iov[1] = (struct iovec){memory, ROOM};
    pirn_prep_writev(op, 0, iov, 2, 0);
}

static void open_path(struct pirn_op *op, void *memory)
{
    pirn_prep_open(op, AT_FDCWD, memory, O_RDONLY, 0);
}

static void open_beneath(struct pirn_op *op, void *memory)
{
    pirn_prep_open_beneath(op, AT_FDCWD, memory, O_RDONLY, 0);
}

static void rename_from(struct pirn_op *op, void *memory)
{
    pirn_prep_rename(op, AT_FDCWD, memory, AT_FDCWD, "b", 0);
}

static void rename_to(struct pirn_op *op, void *memory)
{
    pirn_prep_rename(op, AT_FDCWD, "a", AT_FDCWD, memory, 0);
}

static void link_to(struct pirn_op *op, void *memory)
{
    pirn_prep_link(op, AT_FDCWD, "a", AT_FDCWD, memory, 0);
}

static void symlink_to(struct pirn_op *op, void *memory)
{
    pirn_prep_symlink(op, "a", AT_FDCWD, memory);
}

static void unlink_path(struct pirn_op *op, void *memory)
{
    pirn_prep_unlink(op, AT_FDCWD, memory, 0);
}

static void mkdir_path(struct pirn_op *op, void *memory)
{
    pirn_prep_mkdir(op, AT_FDCWD, memory, 0700);
}

static void stat_into(struct pirn_op *op, void *memory)
{
    pirn_prep_stat(op, AT_FDCWD, ".", 0, STATX_BASIC_STATS, memory);
}

static void list_into(struct pirn_op *op, void *memory)
{
    pirn_prep_list(op, 0, memory, ROOM);
}

static void bind_to(struct pirn_op *op, void *memory)
{
    pirn_prep_bind(op, 0, memory, sizeof(struct sockaddr_storage));
}

static void set_option(struct pirn_op *op, void *memory)
{
    pirn_prep_set_option(op, 0, SOL_SOCKET, SO_RCVBUF, memory, sizeof(int));
}

static void accept_peer(struct pirn_op *op, void *memory)
{
    static socklen_t len = sizeof(struct sockaddr_storage);

    pirn_prep_accept(op, 0, memory, &len);
}

static void accept_length(struct pirn_op *op, void *memory)
{
    static struct sockaddr_storage address;

    pirn_prep_accept(op, 0, (struct sockaddr *)&address, memory);
}

static void connect_to(struct pirn_op *op, void *memory)
{
    pirn_prep_connect(op, 0, memory, sizeof(struct sockaddr_storage));
}

static void send_from(struct pirn_op *op, void *memory)
{
    pirn_prep_send(op, 0, memory, ROOM, 0);
}

static void sendmsg_header(struct pirn_op *op, void *memory)
{
    pirn_prep_sendmsg(op, 0, memory, 0);
}

static void sendmsg_array(struct pirn_op *op, void *memory)
{
    static struct msghdr message;

    message = (struct msghdr){.msg_iov = memory, .msg_iovlen = 1};
    pirn_prep_sendmsg(op, 0, &message, 0);
}

static void sendmsg_piece(struct pirn_op *op, void *memory)
{
    static struct iovec piece;
    static struct msghdr message;

    piece = (struct iovec){memory, ROOM};
    message = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1};
    pirn_prep_sendmsg(op, 0, &message, 0);
}

static void recv_into(struct pirn_op *op, void *memory)
{
    pirn_prep_recv(op, 0, memory, ROOM, 0);
}

static prep_fn *const preps[] = {
    read_into,      write_from,    readv_array,   writev_piece, open_path,
    open_beneath,   rename_from,   rename_to,     link_to,      symlink_to,
    unlink_path,    mkdir_path,    stat_into,     list_into,    bind_to,
    set_option,     accept_peer,   accept_length, connect_to,   send_from,
    sendmsg_header, sendmsg_array, sendmsg_piece, recv_into,
};

enum { PREPS = sizeof(preps) / sizeof(preps[0]) };

/* What the child does: prepare with @memory, submit. */
static prep_fn *prep;
static void *memory;

static void submit(void)
{
    struct pirn_context *context = NULL;
    struct note note = {0};

    if (pirn__context_create_on(ring_chosen(), NULL, &context) == 0) {
        prep(&note.op, memory);
        note_start(context, &note);
        turn(context, 0);
    }
}

static void freed_memory_is_caught_at_submission_whatever_names_it(void **state)
{
    (void)state;
    memory = gone();
    for (int i = 0; i < PREPS; i++) {
        prep = preps[i];
        if (!dies(submit, rule)) {
            fail_msg("operation %d of the table went through", i);
        }
    }
}

static void read_into_half(struct pirn_op *op, void *half)
{
    pirn_prep_read(op, 0, half, ROOM, 0);
}

static void a_buffer_that_is_too_short_is_caught(void **state)
{
    (void)state;
    memory = malloc(ROOM / 2);
    prep = read_into_half;
    assert_true(dies(submit, rule));
    free(memory);
}

static void a_path_without_an_end_is_caught(void **state)
{
    (void)state;
    memory = malloc(ROOM);
    memset(memory, 'a', ROOM);
    prep = open_path;
    assert_true(dies(submit, rule));
    free(memory);
}

/* --- at the completion --- */

/* Have the kernel wait for bytes with @buf on loan, free it, let them come. */
static void free_on_loan(bool by_pieces)
{
    struct pirn_context *context = NULL;
    volatile uintptr_t buf = (uintptr_t)malloc(ROOM);
    struct iovec piece = {(void *)buf, ROOM};
    struct note note = {0};
    int fds[2];

    if (pipe(fds) < 0 ||
        pirn__context_create_on(ring_chosen(), NULL, &context) < 0) {
        return;
    }
    if (by_pieces) {
        pirn_prep_readv(&note.op, fds[0], &piece, 1, PIRN_OFFSET_CURRENT);
    } else {
        pirn_prep_read(&note.op, fds[0], (void *)buf, ROOM,
                       PIRN_OFFSET_CURRENT);
    }
    note_start(context, &note);
    turn(context, 0);
    free((void *)buf);
    if (write(fds[1], "bytes", 5) == 5) {
        turn(context, PIRN_FOREVER);
    }
}

static void free_a_buffer(void)
{
    free_on_loan(false);
}

static void free_a_piece(void)
{
    free_on_loan(true);
}

static void a_buffer_freed_on_loan_is_caught_at_the_completion(void **state)
{
    (void)state;
    assert_true(dies(free_a_buffer, rule));
}

static void a_piece_freed_on_loan_is_caught_at_the_completion(void **state)
{
    (void)state;
    assert_true(dies(free_a_piece, rule));
}

#define T(name) cmocka_unit_test(name)

RING_TEST_MAIN(T(freed_memory_is_caught_at_submission_whatever_names_it),
               T(a_buffer_that_is_too_short_is_caught),
               T(a_path_without_an_end_is_caught),
               T(a_buffer_freed_on_loan_is_caught_at_the_completion),
               T(a_piece_freed_on_loan_is_caught_at_the_completion))

#else

int main(void)
{
    print_message("skipped: only ASan knows what is gone; build with "
                  "-Db_sanitize=address -Dallocator=system\n");
    return TEST_SKIP;
}

#endif
