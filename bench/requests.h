/* SPDX-License-Identifier: MIT */
/* requests.h - what both sides of the question about requests share */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

/* Begun together; a turn tells of all. */
enum { REQUESTS = 64 };

#endif /* BENCH_REQUESTS_H */
