/* SPDX-License-Identifier: MIT */
/* directory.c DIRECTORY COUNT - what is in it, and what comes, so many lines */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

static struct pirn_directory watch;
static struct pirn_context *context;
static const char *path;
static int left;

static void say(const char *what, const char *name)
{
    dprintf(1, "%s %s\n", what, name);
    if (--left == 0) {
        pirn_cancel(context, &watch.op);
    }
}

static void list(void)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            say("there", entry->d_name);
        }
    }
    closedir(dir);
    say("all", "listed");
}

static void changed(struct pirn_directory *directory, const char *name,
                    uint32_t change)
{
    (void)directory;
    if (change == PIRN_ENTRIES_UNKNOWN) {
        list();
    } else {
        say(change & (PIRN_ENTRY_REMOVED | PIRN_ENTRY_MOVED_OUT) ? "gone"
                                                                 : "new",
            name);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || pirn_context_create(NULL, &context) < 0) {
        return EXIT_FAILURE;
    }
    path = argv[1];
    left = atoi(argv[2]);
    pirn_prep_directory(&watch, path, PIRN_ENTRY_ALL, changed);
    return pirn_wait(context, &watch.op) != -ECANCELED;
}
