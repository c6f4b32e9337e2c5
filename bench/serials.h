/* SPDX-License-Identifier: MIT */
/*
 * bench/serials.h - how much is pushed before the loop goes round
 *
 * The operations do nothing: what is measured is the queue and the loop, on
 * both sides until everything has ended and is freed, where it is allocated.
 */
#ifndef BENCH_SERIALS_H
#define BENCH_SERIALS_H

enum {
    SERIAL_IDLE = 64,   /* idle queues, an operation for each */
    SERIAL_DEEP = 1000, /* operations on one queue */
};

#endif /* BENCH_SERIALS_H */
