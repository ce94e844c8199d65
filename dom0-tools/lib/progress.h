/* A line of progress for long work, on a terminal only. */
#ifndef LIB_PROGRESS_H
#define LIB_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t total;
    int64_t shown_at; /* ms */
    bool on;
};

/* Off unless `wanted` and stderr is a terminal. */
void progress_start(struct progress *p, const char *what, uint64_t total, bool wanted);
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

/*
 * One line that tells what a guest that is being made waits for, each stage in the place of the one
 * before; NULL wipes it out. On a terminal only, and not after progress_silence().
 */
void progress_stage(const char *guest, const char *stage);
void progress_silence(void);

#endif
