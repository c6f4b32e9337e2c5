/* SPDX-License-Identifier: MIT */
/*
 * sessions.h - mail sessions at the ends of socket pairs, on the spool of a bed
 */
#ifndef TESTS_KERNEL_SESSIONS_H
#define TESTS_KERNEL_SESSIONS_H

#include "kernel/test_spool.h"

#include <sys/socket.h>

#include "smtp/session.h"

extern const struct smtp_limits session_limits;

/* Those of one bed. */
struct sessions {
    struct smtp_session_env env;
    struct smtp_worker_count count;
    unsigned ended; /* so many */
};

/* It stays where it is, and the bed's spool is open, until all have ended. */
void sessions_init(struct sessions *sessions, const struct bed *bed);

/* One more. Return: the client's end; -ENOMEM there is no session */
int sessions_begin(struct sessions *sessions,
                   struct smtp_session **ret_session);

/* A spool in memory: no disk has to sync so many mails. */
int sessions_setup(void **state);

#endif /* TESTS_KERNEL_SESSIONS_H */
