/* SPDX-License-Identifier: MIT */
/* mail.c - see smtp/mail.h */
#include "smtp/mail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

static struct smtp_mail *mail_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct smtp_mail, draft.op);
}

void pirn__smtp_mail_init(struct smtp_mail *mail, struct pirn_context *context,
                          struct pirn_spool *spool, const char *queue,
                          smtp_mail_ended_fn *ended)
{
    *mail = (struct smtp_mail){
        .context = context,
        .spool = spool,
        .queue = queue,
        .ended = ended,
    };
}

static void asked(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    mail->ended(mail, result);
}

void pirn__smtp_mail_ask(struct smtp_mail *mail, uint64_t bytes)
{
    pirn_assert(!pirn__smtp_mail_is_open(mail));

    mail->declared = bytes;
    pirn_prep_admit(&mail->draft, mail->spool, mail->queue, bytes);
    pirn_start(mail->context, &mail->draft.op, asked);
}

int pirn__smtp_mail_open(struct smtp_mail *mail)
{
    pirn_assert(!pirn__smtp_mail_is_open(mail));

    mail->buffer = malloc(SMTP_MAIL_BUFFER);
    mail->len = 0;
    return mail->buffer != NULL ? 0 : -ENOMEM;
}

bool pirn__smtp_mail_is_open(const struct smtp_mail *mail)
{
    return mail->buffer != NULL;
}

static void close_mail(struct smtp_mail *mail)
{
    free(mail->buffer);
    mail->buffer = NULL;
    mail->len = 0;
}

size_t pirn__smtp_mail_put(struct smtp_mail *mail, struct smtp_span span)
{
    size_t room = SMTP_MAIL_BUFFER - mail->len;
    size_t len = span.len < room ? span.len : room;

    pirn_assert(pirn__smtp_mail_is_open(mail));
    memcpy(mail->buffer + mail->len, span.bytes, len);
    mail->len += (uint32_t)len;
    return len;
}

/* --- a mail that streams --- */

static void appended(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    if (result >= 0) {
        mail->len = 0;
    }
    mail->ended(mail, result);
}

static void append(struct smtp_mail *mail)
{
    pirn_prep_append(&mail->draft, mail->buffer, mail->len);
    pirn_start(mail->context, &mail->draft.op, appended);
}

static void begun(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    if (result < 0) {
        mail->ended(mail, result);
        return;
    }
    append(mail);
}

void pirn__smtp_mail_spill(struct smtp_mail *mail)
{
    pirn_assert(mail->len > 0);

    if (pirn_draft_is_open(&mail->draft)) {
        append(mail);
        return;
    }
    mail->draft.expected_bytes = mail->declared;
    pirn_prep_begin(&mail->draft, mail->spool, mail->queue);
    pirn_start(mail->context, &mail->draft.op, begun);
}

/* --- its end --- */

static void committed(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    close_mail(mail);
    mail->ended(mail, result);
}

/* The draft is gone; what brought it to this is the outcome. */
static void given_up(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    (void)result; /* what an abort leaves behind the next owner removes */
    close_mail(mail);
    mail->ended(mail, mail->failure);
}

/* The last part of a mail that streams is appended before the commit. */
static void last_appended(struct pirn_op *op, int32_t result)
{
    struct smtp_mail *mail = mail_of(op);

    if (result < 0) {
        mail->failure = result;
        pirn_prep_abort(&mail->draft);
        pirn_start(mail->context, &mail->draft.op, given_up);
        return;
    }
    pirn_prep_commit(&mail->draft, mail->fields);
    pirn_start(mail->context, &mail->draft.op, committed);
}

void pirn__smtp_mail_commit(struct smtp_mail *mail,
                            const struct pirn_fields *fields)
{
    pirn_assert(pirn__smtp_mail_is_open(mail));

    mail->fields = fields;
    if (!pirn_draft_is_open(&mail->draft)) {
        pirn_prep_enqueue(&mail->draft, mail->spool, mail->queue, mail->buffer,
                          mail->len, fields);
        pirn_start(mail->context, &mail->draft.op, committed);
    } else if (mail->len == 0) {
        pirn_prep_commit(&mail->draft, fields);
        pirn_start(mail->context, &mail->draft.op, committed);
    } else {
        pirn_prep_append(&mail->draft, mail->buffer, mail->len);
        pirn_start(mail->context, &mail->draft.op, last_appended);
    }
}

bool pirn__smtp_mail_drop(struct smtp_mail *mail)
{
    pirn_assert(pirn_op_is_idle(&mail->draft.op));

    if (!pirn_draft_is_open(&mail->draft)) {
        close_mail(mail);
        return false;
    }
    mail->failure = 0;
    pirn_prep_abort(&mail->draft);
    pirn_start(mail->context, &mail->draft.op, given_up);
    return true;
}
