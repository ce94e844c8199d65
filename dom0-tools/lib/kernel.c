/*
 * Opens a kernel (see kernel.h): a child unpacks and parses the file and hands back a flat
 * description; the parent looks at that only, never at the file's bytes but to copy them.
 *
 * What the child has when it meets the first byte: a read-only mapping of the file, memory for what
 * comes out, a page for the description. No descriptor, no user of its own, no capability, and of
 * system calls those that give memory and that end it. Whoever takes it over can lie in the
 * description, which flat_check() expects, and can read what a copy of axl's memory holds: the
 * guest's configuration.
 */
#include "lib/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fault.h"

enum { NOBODY = 65534, SECONDS = 120 };
#define MIB ((uint64_t)1 << 20)

/* --- the child ------------------------------------------------------------------------------ */

#define ALLOW(nr)                                                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)

static int filter_calls(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_munmap),
        ALLOW(SYS_mremap),
        ALLOW(SYS_brk),
        ALLOW(SYS_madvise),
        ALLOW(SYS_sigaltstack), /* harmless; ASan wants it where a function does not return */
        /* Memory, but none that can be executed. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
        BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog p = {.len = sizeof f / sizeof f[0], .filter = f};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) ? -errno : 0;
}

static int limit(int what, uint64_t soft, uint64_t hard)
{
    return setrlimit((__rlimit_resource_t)what, &(struct rlimit){soft, hard}) ? -errno : 0;
}

static int give_up_capabilities(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {0};
    return syscall(SYS_capset, &h, none) ? -errno : 0;
}

static int give_up_root(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
                           setresuid(NOBODY, NOBODY, NOBODY)))
        return -errno;
    return give_up_capabilities();
}

static int give_up_all(const struct kernel_limits *l)
{
    int rc = syscall(SYS_close_range, 0u, ~0u, 0u) ? -errno : 0;
    if (!rc)
        rc = limit(RLIMIT_CORE, 0, 0);
    if (!rc)
        rc = limit(RLIMIT_CPU, l->seconds, l->seconds + 1);
    if (!rc && l->data)
        rc = limit(RLIMIT_DATA, l->data, l->data);
    if (!rc)
        rc = give_up_root();
    /* After the change of user, which would undo it. */
    if (!rc && (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
        rc = -errno;
    return rc ? rc : filter_calls();
}

static _Noreturn void read_kernel(int fd, size_t len, int out, const struct kernel_limits *l,
                                  struct flat *f)
{
    struct image i;
    const uint8_t *file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    uint8_t *room = mmap(NULL, l->room, PROT_READ | PROT_WRITE, MAP_SHARED, out, 0);
    int rc = file == MAP_FAILED || room == MAP_FAILED ? -errno : 0;
    if (rc)
        why(&f->w, rc, "cannot map it: %s", strerror(-rc));
    else if ((rc = give_up_all(l)))
        why(&f->w, rc, "its reader cannot give up its privileges: %s", strerror(-rc));
    if (!rc) {
        fault_reader(f, sizeof *f);
        rc = image_parse(&i, file, len, room, l->room, &f->w);
    }
    if (!rc)
        flat_make(f, &i);
    f->rc = rc;
    f->done |= 1;
    _exit(0);
}

/* --- the parent ----------------------------------------------------------------------------- */

/* How the child ended, where it did not come to its end. */
static int ended(int status, const struct kernel_limits *l, struct why *w)
{
    const int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (sig == SIGXCPU || (sig == SIGKILL && l->seconds))
        return why(w, -ETIME, "its reader was stopped: it takes more than %u s, or all memory",
                   l->seconds);
    if (sig == SIGSYS)
        return why(
            w, -EPERM,
            "its reader was stopped as it tried to do more than read: do not trust this file");
    if (sig == SIGBUS)
        return why(w, -EIO, "the file got shorter as it was read, or memory ran out");
    return why(w, -EINVAL, "its reader crashed (%s): damaged, or do not trust this file",
               sig ? strsignal(sig) : "it ended early");
}

static int hear(pid_t child, struct flat *f, uint64_t file_len, const struct kernel_limits *l,
                struct why *w)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    /* Whoever started us may have chosen not to hear of children: then `done` alone tells. */
    if (!f->done || (got == child && !WIFEXITED(status)))
        return ended(status, l, w);
    return flat_check(f, file_len, l->room, w);
}

static int read_apart(struct kernel *k, int fd, size_t len, const struct kernel_limits *l,
                      struct why *w)
{
    int out = memfd_create("kernel", MFD_CLOEXEC);
    struct flat *f =
        mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc = 0;
    pid_t child = -1;
    if (out < 0 || f == MAP_FAILED || ftruncate(out, (off_t)l->room) || (child = fork()) < 0)
        rc = why(w, -errno, "cannot start its reader: %s", strerror(errno));
    else if (child == 0)
        read_kernel(fd, len, out, l, f);
    else
        rc = hear(child, f, len, l, w);
    if (!rc && (k->fd = fcntl(f->unpacked ? out : fd, F_DUPFD_CLOEXEC, 0)) < 0)
        rc = why(w, -errno, "cannot keep it open: %s", strerror(errno));
    if (!rc) {
        k->open = true;
        k->nr_parts = f->nr_parts;
        memcpy(k->part, f->part, sizeof k->part);
        k->notes = f->notes;
    }
    if (f != MAP_FAILED)
        munmap(f, sizeof *f);
    if (out >= 0)
        close(out);
    return rc;
}

int kernel_open_within(struct kernel *k, const char *path, const struct kernel_limits *l,
                       struct why *w)
{
    size_t len = 0;
    memset(k, 0, sizeof *k);
    int fd = image_file(path, "kernel", &len, w);
    if (fd < 0)
        return fd;
    int rc = read_apart(k, fd, len, l, w);
    if (rc)
        why_in(w, rc, "kernel '%s'", path);
    close(fd);
    return rc;
}

int kernel_open(struct kernel *k, const char *path, struct why *w)
{
    struct sysinfo s = {0};
    struct kernel_limits l = {.room = IMAGE_MAX_MIB * MIB, .data = 512 * MIB, .seconds = SECONDS};
    if (sysinfo(&s) == 0) {
        const uint64_t all = (uint64_t)s.totalram * s.mem_unit;
        l.room = all / 2 < l.room ? all / 2 / MIB * MIB : l.room;
        l.data = all / 4 < l.data ? all / 4 + 64 * MIB : l.data;
    }
    return kernel_open_within(k, path, &l, w);
}

static int copy_part(const struct kernel *k, const struct flat_part *p, uint8_t *to, struct why *w)
{
    for (uint64_t done = 0; done < p->file;) {
        ssize_t n = pread(k->fd, to + done, p->file - done, (off_t)(p->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return why(w, n < 0 ? -errno : -EIO, "cannot read the kernel: %s",
                       n < 0 ? strerror(errno) : "the file got shorter");
        done += (uint64_t)n;
    }
    memset(to + p->file, 0, p->mem - p->file);
    return 0;
}

int kernel_copy(const struct kernel *k, uint8_t *to, struct why *w)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < k->nr_parts; i++) {
        const struct flat_part *p = &k->part[i];
        memset(to + done, 0, p->at - done);
        int rc = copy_part(k, p, to + p->at, w);
        if (rc)
            return rc;
        done = p->at + p->mem;
    }
    return 0;
}

void kernel_close(struct kernel *k)
{
    if (k->open)
        close(k->fd);
    k->open = false;
}
