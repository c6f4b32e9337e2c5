/* SPDX-License-Identifier: MIT */
/*
 * before_read.c - something happens between a look and the first read behind it
 *
 * Preloaded into a program that views items: before each read of a body's first
 * bytes the shell runs $PIRN_BEFORE_READ. So a test has two steps of another
 * process in their order, and no need to be fast.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#include <pirn/view.h>

typedef void prep_fn(struct pirn_view *view, void *buf, uint32_t len,
                     uint64_t offset);

void pirn_prep_view_read(struct pirn_view *view, void *buf, uint32_t len,
                         uint64_t offset)
{
    prep_fn *prep = (prep_fn *)dlsym(RTLD_NEXT, "pirn_prep_view_read");
    const char *command = getenv("PIRN_BEFORE_READ");

    unsetenv("LD_PRELOAD"); /* which the shell has no need of */
    if (prep == NULL || command == NULL ||
        (offset == 0 && system(command) != 0)) {
        abort();
    }
    prep(view, buf, len, offset);
}
