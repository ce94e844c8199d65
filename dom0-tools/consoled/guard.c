/*
 * Confinement (see guard.h). Logs and ptys are opened while guests run, so the filter of system
 * calls must let files be opened: Landlock says which. A kernel without it is told of in the log.
 */
#include "consoled/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dkit/confine.h"
#include "dkit/log.h"

static const int more[] = {SCMP_SYS(openat),   SCMP_SYS(dup2),    SCMP_SYS(renameat),
                           SCMP_SYS(unlinkat), SCMP_SYS(pread64), SCMP_SYS(ftruncate),
                           SCMP_SYS(accept4)};

static int allow(int rules, int dir, uint64_t rights)
{
    struct landlock_path_beneath_attr a = {.allowed_access = rights, .parent_fd = dir};
    if (dir < 0)
        return -errno;
    return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) ? -errno : 0;
}

static int landlock(int log_dir)
{
    const uint64_t use = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) -
                                                             1}; /* all of the first version */
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0)
        return -errno;
    static const char *const usable[] = {"/dev/ptmx", "/dev/pts"};
    int rc = allow(rules, log_dir,
                   use | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                       LANDLOCK_ACCESS_FS_REMOVE_FILE);
    for (size_t i = 0; i < ARRAY_SIZE(usable) && !rc; i++) {
        int fd = open(usable[i], O_PATH | O_CLOEXEC);
        rc = allow(rules, fd, use);
        if (fd >= 0)
            close(fd);
    }
    if (!rc && syscall(SYS_landlock_restrict_self, rules, 0))
        rc = -errno;
    close(rules);
    return rc;
}

int guard(int log_dir)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    int rc = landlock(log_dir);
    if (rc)
        log_line("files are not confined: this kernel's Landlock says: %s", strerror(-rc));
    return confine(more, ARRAY_SIZE(more));
}
