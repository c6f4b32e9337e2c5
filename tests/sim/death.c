/* SPDX-License-Identifier: MIT */
#include "tests/sim/death.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_the_child(int fd, void (*act)(void))
{
    const struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fd, STDERR_FILENO);
    act();
    _exit(0);
}

/* A sanitizer may say much before the rule is named. */
enum { TEXT_MAX = 32768 };

bool dies(void (*act)(void), const char *rule)
{
    char text[TEXT_MAX] = "";
    size_t len = 0;
    ssize_t n;
    int fds[2];
    int status;
    pid_t child;

    if (pipe(fds) < 0) {
        return false;
    }
    child = fork();
    if (child == 0) {
        be_the_child(fds[1], act);
    }
    close(fds[1]);
    while (len < sizeof(text) - 1 &&
           (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    close(fds[0]);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGABRT || strstr(text, rule) == NULL) {
        fprintf(stderr, "expected \"%s\", got \"%s\"\n", rule, text);
        return false;
    }
    return true;
}
