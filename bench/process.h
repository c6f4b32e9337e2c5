/* SPDX-License-Identifier: MIT */
/*
 * bench/process.h - servers and load generators beside us, by their pid
 *
 * Whatever is started here is stopped here: by process_stop(), or, when a
 * signal ends the run, by the handler that process_catch_signals() installs.
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/** process_catch_signals() - let nothing that was started outlive the run */
void process_catch_signals(void);

/**
 * process_start() - run a program
 * @argv: NULL at the end
 * @log:  a file for what it says; NULL: stdout is dropped, stderr ours
 *
 * Return: its pid; -EUSERS too many at once; or an errno of fork
 */
pid_t process_start(const char *const argv[], const char *log);

/**
 * process_fork() - run a function in a process of its own
 * @run: does not return before its work is done; then the process ends
 *
 * Return: as process_start()
 */
pid_t process_fork(void (*run)(void *arg), void *arg);

/**
 * process_wait() - until it ends by itself
 *
 * Return: its exit status, 128 if a signal ended it; -ETIMEDOUT it was killed
 *         after @timeout_ns
 */
int process_wait(pid_t pid, uint64_t timeout_ns);

/** process_stop() - ask by @signal, kill after 5 s; returns as process_wait */
int process_stop(pid_t pid, int signal);

/**
 * process_figures() - numbers from one reading of a file of /proc/PID
 * @names:       @count of them, each at the beginning of a line, then a colon
 * @ret_figures: likewise; 0 where there is no such line
 *
 * Return: 0 or an errno
 */
int process_figures(pid_t pid, const char *file, const char *const *names,
                    unsigned count, uint64_t *ret_figures);

/** process_cpu_ns() - what it has used with all its threads, to 10 ms */
uint64_t process_cpu_ns(pid_t pid);

/** process_allow_files() - as many descriptors as we may have; 0 or an errno */
int process_allow_files(void);

/**
 * process_pin() - keep the calling thread on one of its processors
 * @index: 0 or more; nothing is done where there are not so many
 */
void process_pin(unsigned index);

/** process_unpin() - give it back those that it had when the run began */
void process_unpin(void);

#endif /* BENCH_PROCESS_H */
