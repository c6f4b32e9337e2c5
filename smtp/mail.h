/* SPDX-License-Identifier: MIT */
/*
 * smtp/mail.h - one mail on its way into the spool
 *
 * A mail that fits the buffer is enqueued from there in one operation. A longer
 * one streams: each full buffer is appended to a draft.
 *
 *   ask -> open -> put ... put -> commit                 it fitted
 *   ask -> open -> put -> spill -> put -> spill -> commit    it did not
 *     any of them -> drop
 *
 * Ask, spill, commit and drop are operations: they end with @ended. One at a
 * time.
 */
#ifndef SMTP_MAIL_H
#define SMTP_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/context.h>
#include <pirn/spool.h>

#include "smtp/scan.h"

enum { SMTP_MAIL_BUFFER = 64 * 1024 };

struct smtp_mail;

/**
 * smtp_mail_ended_fn - what was begun has ended
 * @result: 0; or < 0: the mail is not kept, and has to be dropped unless it was
 *          a commit or a drop that ended
 */
typedef void smtp_mail_ended_fn(struct smtp_mail *mail, int32_t result);

struct smtp_mail {
    struct pirn_draft draft;
    struct pirn_context *context;
    struct pirn_spool *spool;
    const char *queue;
    uint64_t declared; /* bytes, by the client; 0: not said */
    smtp_mail_ended_fn *ended;
    uint8_t *buffer; /* NULL: no mail is open */
    uint32_t len;
    int32_t failure; /* why the draft is being aborted; 0: it was asked for */
    const struct pirn_fields *fields; /* while it is being committed */
};

void pirn__smtp_mail_init(struct smtp_mail *mail, struct pirn_context *context,
                          struct pirn_spool *spool, const char *queue,
                          smtp_mail_ended_fn *ended);

/* 0 or -ENOMEM. */
int pirn__smtp_mail_open(struct smtp_mail *mail);

bool pirn__smtp_mail_is_open(const struct smtp_mail *mail);

/* Copy of @span what fits. Return: how much that was. */
size_t pirn__smtp_mail_put(struct smtp_mail *mail, struct smtp_span span);

/* Whether there is room for one of so many bytes, before the client sends it;
 * 0: nobody knows how many. None is open, nor is then. */
void pirn__smtp_mail_ask(struct smtp_mail *mail, uint64_t bytes);

/* Make room in the buffer. */
void pirn__smtp_mail_spill(struct smtp_mail *mail);

/* Make it durable; the mail is closed when @ended is called. */
void pirn__smtp_mail_commit(struct smtp_mail *mail,
                            const struct pirn_fields *fields);

/*
 * Leave nothing of it behind.
 *
 * Return: whether it takes an operation, which will end; else it is done.
 */
bool pirn__smtp_mail_drop(struct smtp_mail *mail);

#endif /* SMTP_MAIL_H */
