/* Faults on demand, for tests: AXL_FAIL_AT=n fails at the n-th point that is passed; AXL_READER=how
 * plays the reader of a kernel that a hostile file has taken over. */
#include "lib/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int fault_point(struct why *w, const char *file, int line)
{
    static int passed;
    const char *at = getenv("AXL_FAIL_AT");
    if (!at || ++passed != atoi(at))
        return 0;
    return why(w, -ECANCELED, "made to fail at point %d (%s:%d)", passed, file, line);
}

void fault_reader(void *report, size_t len)
{
    const char *how = getenv("AXL_READER");
    if (!how)
        return;
    if (strcmp(how, "crash") == 0)
        __builtin_trap();
    if (strcmp(how, "open") == 0)
        syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    if (strcmp(how, "socket") == 0)
        syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(how, "write") == 0)
        syscall(SYS_write, 2, "out\n", 4);
    if (strcmp(how, "execute") == 0)
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (strcmp(how, "quit") == 0)
        _exit(0);
    while (strcmp(how, "spin") == 0)
        ;
    if (strcmp(how, "lie") == 0) {
        memset(report, 0x5a, len);
        _exit(0);
    }
}
