/* SPDX-License-Identifier: MIT */
/* serial.c COUNT - messages of two writes each on one socket, never mixed */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pirn/pirn.h>

struct message {
    struct pirn_chain chain;
    struct pirn_op writes[2], *steps[2];
    char text[2][32];
};

static void sent(struct pirn_op *op, int32_t result)
{
    if (result < 0) {
        fprintf(stderr, "a message was not sent: %d\n", result);
    }
    free(pirn_container_of(op, struct message, chain.op));
}

static void send_message(struct pirn_serial *serial, int number)
{
    static const char *const parts[2] = {"head", "body"};
    struct message *message = calloc(1, sizeof(*message));

    for (int i = 0; i < 2; i++) {
        int len = sprintf(message->text[i], "%s %d\n", parts[i], number);

        message->steps[i] = &message->writes[i];
        pirn_prep_write(message->steps[i], STDOUT_FILENO, message->text[i],
                        (uint32_t)len, PIRN_OFFSET_CURRENT);
    }
    pirn_prep_chain(&message->chain, message->steps, 2);
    pirn_serial_push(serial, &message->chain.op, sent);
}

int main(int argc, char **argv)
{
    struct pirn_serial serial;
    struct pirn_context *context;

    if (pirn_context_create(NULL, &context) < 0) {
        return EXIT_FAILURE;
    }
    pirn_serial_init(&serial, context, NULL);
    for (int i = 0; i < (argc > 1 ? atoi(argv[1]) : 3); i++) {
        send_message(&serial, i);
    }
    if (pirn_context_drain(context) < 0) {
        return EXIT_FAILURE;
    }
    pirn_serial_deinit(&serial);
    pirn_context_destroy(context);
    return EXIT_SUCCESS;
}
