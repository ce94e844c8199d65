/*
 * One guest's log: a file that is appended to, turned over when it is full, and read again by those
 * who attach. Readers name places by generation (how often it was turned over) and offset.
 */
#ifndef CONSOLED_LOGFILE_H
#define CONSOLED_LOGFILE_H

#include <sys/types.h>

#include "consoled/text.h"

enum { LOG_NAME = 240 };

struct logfile {
    char name[LOG_NAME];
    int fd, old_fd; /* this generation and the one before (-1: none) */
    uint32_t size;
    unsigned gen;
    bool line_start;
    uint64_t lost; /* bytes that could not be written */
};

/* Where logs lie, and when they are turned over: `keep` old files of up to `limit` bytes. */
int logfile_dir(const char *path, uint32_t limit, unsigned keep) NODISCARD;
int logfile_dir_fd(void);

/* `size`: what counts of it (slot.h, S2), or UINT32_MAX: all. */
int logfile_open(struct logfile *l, const char *name, uint32_t size) NODISCARD;
void logfile_close(struct logfile *l);

/* Guest's bytes, at most CONS_OUT of them. What cannot be written is dropped and counted. */
void logfile_add(struct logfile *l, const char *bytes, size_t n);
/* A line of our own. */
void logfile_remark(struct logfile *l, const char *text);
/* Turns it over if it is full: the caller notes the new size. False: nothing was done. */
bool logfile_turn(struct logfile *l);

/* --- reading it again ------------------------------------------------------------------------ */

struct log_place {
    unsigned gen;
    uint32_t offset;
    uint32_t skip; /* guest's bytes to leave out */
    struct text_reader text;
};

/* The place `want` guest's bytes before the end, or where this life began; returns how many. */
uint32_t logfile_back(const struct logfile *l, uint32_t want, struct log_place *p);
/*
 * The next guest's bytes from there, at most `room`; 0: there are no more. *left_out is set when
 * some are gone, because the file was turned over more often meanwhile than files are kept.
 */
size_t logfile_read(const struct logfile *l, struct log_place *p, char *to, size_t room,
                    bool *left_out);

#endif
