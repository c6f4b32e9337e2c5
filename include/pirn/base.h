/* SPDX-License-Identifier: MIT */
/*
 * pirn/base.h - words shared by every public header
 *
 * Needs nothing but the compiler. Includes no other project header.
 */
#ifndef PIRN_BASE_H
#define PIRN_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PIRN_BEGIN_DECLS extern "C" {
#define PIRN_END_DECLS }
#else
#define PIRN_BEGIN_DECLS
#define PIRN_END_DECLS
#endif

/* Exported from the shared library; everything else is hidden. */
#define PIRN_API __attribute__((visibility("default")))

/* The caller may not drop the returned error. */
#define PIRN_MUST_CHECK __attribute__((warn_unused_result))

/* From a member's address to the struct around it. */
#define pirn_container_of(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* No deadline; where a timeout is asked for: wait as long as it takes. */
#define PIRN_FOREVER UINT64_MAX

/* A place in an intrusive, circular, doubly linked list. */
struct pirn_link {
    struct pirn_link *next;
    struct pirn_link *prev;
};

#endif /* PIRN_BASE_H */
