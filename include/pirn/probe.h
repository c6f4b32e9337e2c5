/* SPDX-License-Identifier: MIT */
/*
 * pirn/probe.h - what this kernel gives, found out by asking it
 */
#ifndef PIRN_PROBE_H
#define PIRN_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>

PIRN_BEGIN_DECLS

/* One thing a kernel may have. All strings are static. */
struct pirn_probe_feature {
    const char *name; /* as the kernel's header calls it */
    const char *kind; /* "operation", "setup flag", "feature", "registration" */
    const char *since;   /* the Linux version that brought it */
    const char *without; /* what pirn does where it is missing */
    bool present;
};

/* How the kernel treats a link behind an operation that failed. */
struct pirn_probe_link {
    const char *name; /* the operation; in "(...)" how it was made to fail */
    bool cut; /* whether what was linked behind it was kept from running */
};

/**
 * pirn_probe_features() - each feature in pirn's table, present or not
 * @features: room for @max rows
 *
 * Return:  how many rows there are (rows beyond @max are not written), or the
 *          errno with which io_uring is refused
 * Context: any thread; makes and closes a ring of its own. Blocks shortly.
 */
PIRN_API PIRN_MUST_CHECK int pirn_probe_features(
    struct pirn_probe_feature *features, uint32_t max);

/**
 * pirn_probe_links() - fail each operation in front of a link and see
 *
 * As pirn_probe_features(). The failures are harmless: bad descriptors of the
 * right kind, names that are not there. Operations that the kernel does not
 * have are left out. "(short)" means: it succeeded, and moved less than asked.
 */
PIRN_API PIRN_MUST_CHECK int pirn_probe_links(struct pirn_probe_link *links,
                                              uint32_t max);

PIRN_END_DECLS

#endif /* PIRN_PROBE_H */
