/*
 * newlib's state of a thread (errno, strtok's place, ...), made when a thread first wants it, and
 * the program's start and end as newlib sees them.
 */
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>

#include "start/kit.h"

/* Programs written for Unix keep whole buffers on the stack (darkhttpd 64 KiB). */
uint64_t gk_main_stack = 256 << 10;

#define SLOT 0 /* of gk_thread_slot() */

static struct _reent spare; /* of threads for which there was no memory, and before threads run */

struct _reent *__getreent(void)
{
    struct gk_thread *self = gk_thread_self();
    if (!self)
        return &spare;
    void **slot = gk_thread_slot(self, SLOT);
    if (*slot)
        return *slot;
    struct _reent *reent = gk_alloc(sizeof *reent);
    if (!reent)
        return &spare;
    _REENT_INIT_PTR(reent);
    return *slot = reent;
}

static void thread_end(struct gk_thread *thread)
{
    void **slot = gk_thread_slot(thread, SLOT);
    if (!*slot)
        return;
    _reclaim_reent(*slot);
    gk_free(*slot);
    *slot = NULL;
}

/* gk_exit() from wherever: what atexit() was told, and what stdio still holds. */
extern void __call_exitprocs(int code, void *image);
static void program_end(void)
{
    static bool once;
    if (once)
        return;
    once = true;
    __call_exitprocs(0, NULL);
    fflush(NULL);
}

static void libc_start(void)
{
    _REENT_INIT_PTR((&spare));
    gk_thread_end_hook = thread_end;
    gk_at_exit(program_end);
}
KIT_DRIVER(00, libc_start);

/* newlib's exit() ends here; it has run atexit()'s calls itself. */
void _exit(int code)
{
    gk_exit(code);
}

void abort(void)
{
    fflush(NULL);
    gk_panic("abort()");
}
