/* A line of progress for long work, on a terminal only, at most five times a second. */
#include "lib/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool silent;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, uint64_t total, bool wanted)
{
    *p = (struct progress){.what = what, .total = total ? total : 1};
    p->on = wanted && !silent && isatty(STDERR_FILENO);
}

void progress_at(struct progress *p, uint64_t done)
{
    if (!p->on || now_ms() - p->shown_at < 200)
        return;
    p->shown_at = now_ms();
    fprintf(stderr, "\r%s: %3u %%", p->what, (unsigned)(done * 100 / p->total));
}

void progress_end(struct progress *p)
{
    if (p->on && p->shown_at)
        fprintf(stderr, "\r%s: done \n", p->what);
}

void progress_silence(void)
{
    silent = true;
}

void progress_stage(const char *guest, const char *stage)
{
    if (silent || !isatty(STDERR_FILENO))
        return;
    if (stage)
        fprintf(stderr, "\r\033[K%s: %s ...", guest, stage);
    else
        fputs("\r\033[K", stderr);
}
