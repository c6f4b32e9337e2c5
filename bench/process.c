/* SPDX-License-Identifier: MIT */
/*
 * process.c - fork, exec, wait with a limit
 */
#include "bench/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 24 };

/* A signal handler has no argument of ours: hence a mutable global. */
static volatile sig_atomic_t started[PROCESSES_MAX];

/* What the machine lets us run on, before anything was pinned. */
static cpu_set_t processors;

static void kill_all(int signal)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        if (started[i] > 0) {
            kill(started[i], SIGKILL);
        }
    }
    _exit(128 + signal);
}

void process_catch_signals(void)
{
    struct sigaction action = {.sa_handler = kill_all};
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};

    sched_getaffinity(0, sizeof(processors), &processors);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

static volatile sig_atomic_t *slot_of(pid_t pid)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        if (started[i] == pid) {
            return &started[i];
        }
    }
    return NULL;
}

/* In the child: dies with us, inherits nothing but stderr. */
static void become(const char *const argv[], const char *log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int said =
        log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(said >= 0 ? said : null, STDOUT_FILENO);
    if (said >= 0) {
        dup2(said, STDERR_FILENO);
    }
    execv(argv[0], (char **)argv);
    fprintf(stderr, "pirn-bench: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* fork(), and a note of it: in between no signal may end us. */
static pid_t fork_noted(void)
{
    volatile sig_atomic_t *slot = slot_of(0);
    sigset_t all;
    sigset_t before;
    pid_t pid;

    if (slot == NULL) {
        return -EUSERS;
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid = fork();
    if (pid > 0) {
        *slot = pid;
    } else if (pid < 0) {
        pid = -errno;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

pid_t process_start(const char *const argv[], const char *log)
{
    pid_t pid = fork_noted();

    if (pid == 0) {
        become(argv, log);
    }
    return pid;
}

pid_t process_fork(void (*run)(void *arg), void *arg)
{
    pid_t pid = fork_noted();

    if (pid == 0) {
        const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};

        for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
            signal(signals[i], SIG_DFL); /* its handler would kill the others */
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(arg);
        _exit(1);
    }
    return pid;
}

int process_allow_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return -errno;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

void process_pin(unsigned index)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &processors) && index-- == 0) {
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
    }
}

void process_unpin(void)
{
    sched_setaffinity(0, sizeof(processors), &processors);
}

int process_wait(pid_t pid, uint64_t timeout_ns)
{
    struct pollfd pollfd = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    bool late = false;
    int status;

    if (pollfd.fd >= 0) {
        late = poll(&pollfd, 1, (int)(timeout_ns / 1000000u)) == 0;
        close(pollfd.fd);
    }
    if (late) {
        kill(pid, SIGKILL);
    }
    if (waitpid(pid, &status, 0) != pid) {
        return -errno;
    }
    *slot_of(pid) = 0;
    if (late) {
        return -ETIMEDOUT;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int process_stop(pid_t pid, int signal)
{
    kill(pid, signal);
    return process_wait(pid, 5000000000u);
}

int process_figures(pid_t pid, const char *file, const char *const *names,
                    unsigned count, uint64_t *ret_figures)
{
    char path[64];
    char line[256];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *lines = fopen(path, "re");
    if (lines == NULL) {
        return -errno;
    }
    memset(ret_figures, 0, count * sizeof(*ret_figures));
    while (fgets(line, sizeof(line), lines) != NULL) {
        for (unsigned i = 0; i < count; i++) {
            size_t len = strlen(names[i]);

            if (strncmp(line, names[i], len) == 0 && line[len] == ':') {
                ret_figures[i] = strtoull(line + len + 1, NULL, 10);
            }
        }
    }
    fclose(lines);
    return 0;
}

uint64_t process_cpu_ns(pid_t pid)
{
    char path[64];
    char line[1024];
    const char *after;
    unsigned long long user;
    unsigned long long system;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof(line), file) == NULL) {
        line[0] = '\0';
    }
    fclose(file);
    /* The name in parentheses may hold anything; 11 fields stand behind it. */
    after = strrchr(line, ')');
    if (after == NULL ||
        sscanf(after + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &system) != 2) {
        return 0;
    }
    return (user + system) * (1000000000ull / (unsigned)sysconf(_SC_CLK_TCK));
}
