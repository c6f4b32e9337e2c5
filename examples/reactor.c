/* SPDX-License-Identifier: MIT */
/* reactor.c - one thread polls for what another has registered */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pirn/pirn.h>

enum { CLIENTS = 20 };

static struct pirn_reactor *reactor;
static uint64_t registrations[CLIENTS]; /* by token */
static int ends[CLIENTS][2];            /* ours, and the peer's */

/* Another thread: each client is registered, and then its peer speaks. */
static void *make_clients(void *unused)
{
    for (int i = 0; i < CLIENTS; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) < 0 ||
            pirn_reactor_register(reactor, ends[i][0], (uint64_t)i, POLLIN,
                                  PIRN_WATCH_CLOSE, &registrations[i]) < 0) {
            abort();
        }
        dprintf(ends[i][1], "hello from %d\n", i);
        close(ends[i][1]);
    }
    return unused;
}

int main(void)
{
    int left = CLIENTS;
    struct pirn_context *context;
    struct pirn_event event;
    pthread_t thread;
    char text[64];
    ssize_t n;

    if (pirn_context_create(NULL, &context) < 0 ||
        pirn_reactor_create(context, CLIENTS, &reactor) < 0 ||
        pthread_create(&thread, NULL, make_clients, NULL) != 0) {
        return EXIT_FAILURE;
    }
    while (pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER) == 1) {
        if (event.events & PIRN_EVENT_ENDED) {
            if (--left == 0) {
                pirn_reactor_close(reactor);
            }
        } else if ((n = read(ends[event.token][0], text, sizeof(text))) > 0) {
            printf("%.*s", (int)n, text);
        } else {
            pirn_reactor_deregister(reactor, registrations[event.token]);
        }
    }
    pthread_join(thread, NULL);
    return pirn_reactor_destroy(reactor) == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
