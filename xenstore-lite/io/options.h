/*
 * The command line.
 */
#ifndef IO_OPTIONS_H
#define IO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/quota.h"

struct options {
    const char *pid_file;
    const char *trace_file;
    const char *socket;
    const char *state_dir; /* NULL: none */
    uint64_t journal;      /* bytes it may grow beyond its snapshot */
    bool no_fork;
    bool no_domains;
    bool no_confine;
    bool print_pid;
    struct quota quota;
    bool quota_given[QUOTA_KINDS];
};

/* Parses, or says what is wrong (or --help) and ends the program. */
void options_parse(struct options *o, int argc, char **argv);

#endif
