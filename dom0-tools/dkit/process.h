/*
 * The process of one device (dkit/device.h): opens what it serves, gives up its privileges, and
 * serves the rings that it is told.
 */
#ifndef DKIT_PROCESS_H
#define DKIT_PROCESS_H

#include "dkit/device.h"

struct process_kind {
    /*
     * Opens with the privileges there still are; `state` is the device's file, `state_bytes` of it
     * mapped and ours alone, `info` goes to the monitor. 0, or -errno with a sentence.
     */
    int (*open)(const struct device *d, void *state, void *info, char *why, size_t room);
    size_t state_bytes;
    /* System calls that are needed afterwards, besides dkit's own. */
    const int *(*calls)(size_t *n);
    int (*connect)(const void *rings, bool resume, char *why, size_t room);
    /* Takes no more requests; calls `idle` once all that were taken are answered. */
    void (*stop)(void (*idle)(void));
    bool no_confine; /* for debugging */
};

_Noreturn void process_main(const struct device *d, int fd, const struct process_kind *k);

/* The state file, whose lock tells the next process that this one has ended. */
int process_lock(void);

/* The guest broke the protocol. */
void process_broken(const char *what);

#endif
