/* SPDX-License-Identifier: MIT */
/* request.c - 20 questions, 10 of them later, by client.c; one is late */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "client.h"

static struct client client;
static struct question questions[20];
static int answers, late;

static void ended(struct pirn_op *op, int32_t result);

static void ask(int i)
{
    struct question *q = &questions[i];

    q->client = &client;
    q->deadline_ns = i == 7 ? 0 : PIRN_FOREVER;
    snprintf(q->text, sizeof(q->text), "%c", 'a' + i);
    pirn_prep_request(&q->request, &client_ask, NULL);
    pirn_start(client.context, &q->request.op, ended);
}

static void ended(struct pirn_op *op, int32_t result)
{
    int i =
        (int)(pirn_container_of(op, struct question, request.op) - questions);

    answers += result == 0 && questions[i].answer[0] == 'a' + i;
    late += result == -ETIMEDOUT;
    if (i < 10) {
        ask(i + 10);
    }
}

int main(void)
{
    int ends[2]; /* a pipe, which says back what it hears */
    int r =
        pipe(ends) < 0 ? -errno : pirn_context_create(NULL, &client.context);

    client.in = ends[0];
    client.out = ends[1];
    pirn_gate_init(&client.login, client.context);
    pirn_serial_init(&client.turns, client.context, NULL);
    for (int i = 0; i < 10 && r == 0; i++) {
        ask(i);
    }
    r = r < 0 ? r : pirn_context_drain(client.context);
    pirn_context_destroy(client.context);
    return r < 0 || printf("%d answers, %d too late, %d login\n", answers, late,
                           client.logins) < 0;
}
