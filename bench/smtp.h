/* SPDX-License-Identifier: MIT */
/*
 * bench/smtp.h - an SMTP server as a process, and Postfix's smtp-source on it
 */
#ifndef BENCH_SMTP_H
#define BENCH_SMTP_H

#include <stdint.h>
#include <sys/types.h>

#include "bench/harness.h"

enum {
    SMTP_SESSIONS = 64,
    SMTP_BYTES = 4096,
    SMTP_ADDRESS = 32, /* 127.0.0.1:65535 */
    SMTP_PATH = 4096,
};

struct smtp_server {
    const struct options *options;
    pid_t pid;
    char address[SMTP_ADDRESS];
    char log[SMTP_PATH]; /* what the server says */
    double rate; /* messages per second in the last round; 0: none yet */
};

/**
 * smtp_prepare() - choose an address on which nobody listens
 * @name: of the server, for its log in the options' directory
 *
 * Return: 0; -EOPNOTSUPP smtp-source is not there
 */
int smtp_prepare(const struct options *options, const char *name,
                 struct smtp_server *server);

/** smtp_start() - run the server and wait until it greets; 10 s at most */
int smtp_start(struct smtp_server *server, const char *const argv[]);

/** smtp_start_pirn() - run `pirn serve` on a spool called @name */
int smtp_start_pirn(struct smtp_server *server, const char *name);

/** smtp_load() - @count messages by smtp-source, each session kept open */
int smtp_load(const struct smtp_server *server, uint64_t count);

/** smtp_round() - a round of as many messages as fill its length */
int smtp_round(struct smtp_server *server, struct round *round);

void smtp_stop(struct smtp_server *server);

#endif /* BENCH_SMTP_H */
