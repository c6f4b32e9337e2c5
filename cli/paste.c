/* SPDX-License-Identifier: MIT */
/*
 * paste.c - see paste.h
 *
 * The client waits for a reply before each command, as a polite client does: a
 * server may refuse one that speaks too early. The reply to the end of the mail
 * ends with the item's id.
 */
#include "cli/paste.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* Between single quotes of the shell, so without one of its own. */
static const char client[] =
    "for s in \"HELO localhost\" \"MAIL FROM:<me@example.org>\" "
    "\"RCPT TO:<you@example.org>\" DATA "
    "\"Subject:hello\\r\\n\\r\\nIt works.\\r\\n.\" QUIT; "
    "do read -r r <&3; printf \"$s\\r\\n\" >&3; done; "
    "[[ $r == 250* ]] || { echo \"$r\" >&2; exit 1; }; "
    "r=${r##* }; echo \"${r:0:26}\"";

static void print_quoted(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_./+-,:@%";

    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    putc('\'', out);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            fputs("'\\''", out);
        } else {
            putc(*word, out);
        }
    }
    putc('\'', out);
}

/* As bash wants it; where all addresses are listened on, the machine itself. */
static void print_place(FILE *out, const struct pirn_address *address)
{
    const struct sockaddr_in *v4 = (const void *)&address->storage;
    const struct sockaddr_in6 *v6 = (const void *)&address->storage;
    char text[INET6_ADDRSTRLEN] = "localhost";
    in_port_t port;

    if (address->storage.ss_family == AF_INET) {
        bool any = v4->sin_addr.s_addr == htonl(INADDR_ANY);

        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
        fputs(any ? "127.0.0.1" : text, out);
        port = v4->sin_port;
    } else {
        bool any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);

        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        fputs(any ? "::1" : text, out);
        port = v6->sin6_port;
    }
    fprintf(out, "/%u", ntohs(port));
}

void paste_print(FILE *out, const char *program, const char *spool,
                 const struct pirn_address *address)
{
    fputs("id=$(bash -c 'exec 3<>/dev/tcp/", out);
    print_place(out, address);
    fprintf(out, " || exit; %s') && ", client);
    print_quoted(out, program);
    fputs(" cat --spool ", out);
    print_quoted(out, spool);
    fputs(" \"$id\"\n", out);
}
