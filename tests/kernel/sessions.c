/* SPDX-License-Identifier: MIT */
/* sessions.c - see sessions.h */
#include "kernel/sessions.h"

const struct smtp_limits session_limits = {
    .hostname = "host.example.org",
    .size_max = 1 << 20,
    .recipients_max = 10,
    .command_line_max = SMTP_COMMAND_LINE_MAX,
    .errors_max = SMTP_ERRORS_MAX,
};

static void session_ended(struct smtp_session *session, void *user)
{
    struct sessions *sessions = user;

    (void)session;
    sessions->ended++;
}

void sessions_init(struct sessions *sessions, const struct bed *bed)
{
    *sessions = (struct sessions){
        .env = {.context = bed->context,
                .spool = bed->spool,
                .queue = "incoming",
                .limits = &session_limits,
                .timeout_ns = 60000000000u,
                .count = &sessions->count,
                .ended = session_ended,
                .user = sessions},
    };
}

int sessions_begin(struct sessions *sessions, struct smtp_session **ret_session)
{
    const struct pirn_address nobody = {.len = 0};
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    *ret_session = pirn__smtp_session_start(&sessions->env, ends[1], &nobody,
                                            SMTP_NOTHING);
    if (*ret_session == NULL) {
        close(ends[0]);
        close(ends[1]);
        return -ENOMEM;
    }
    return ends[0];
}

int sessions_setup(void **state)
{
    return setenv("TMPDIR", "/dev/shm", 0) < 0 ? -1 : bed_setup(state);
}
