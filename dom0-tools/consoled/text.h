/*
 * What a console's log looks like: each line of the guest's begins with "[2026-11-25 21:04:05] ".
 * Lines that begin with '-' are the daemon's own remarks, which no guest can forge. Taking stamps
 * and remarks away gives the guest's bytes exactly. Pure.
 */
#ifndef CONSOLED_TEXT_H
#define CONSOLED_TEXT_H

#include "base/bits.h"

enum { TEXT_STAMP = 22 };

/* At most so many bytes come from n of the guest's. */
#define TEXT_ROOM(n) ((size_t)(n) * (1 + TEXT_STAMP))

/* Guest's bytes to log; *line_start: the next byte begins a line (in and out). Returns bytes. */
size_t text_stamp(char *out, const char *in, size_t n, const char stamp[TEXT_STAMP],
                  bool *line_start);

/* Log to guest's bytes; zeroed at a line's start. */
struct text_reader {
    enum { TEXT_AT_START, TEXT_IN_STAMP, TEXT_IN_LINE, TEXT_IN_REMARK } at;
    uint8_t left; /* of the stamp */
};
enum text_found { TEXT_NOTHING, TEXT_BYTE, TEXT_REMARK_END };
/* TEXT_BYTE: c is the guest's; TEXT_REMARK_END: c was the last of a remark. */
enum text_found text_step(struct text_reader *r, char c);

/* "guest-NAME.log" without what would name another folder's file. `room` >= 32. */
void text_file_name(char *out, size_t room, const char *guest);

#endif
