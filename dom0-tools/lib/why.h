/*
 * Why something failed, as one sentence for a person: the thing, the cause, the way out.
 *
 * Functions that can fail take a `struct why *` (never NULL) and return 0 or a negative errno.
 * Where the error is born it fills the sentence; callers may put what they know in front.
 */
#ifndef LIB_WHY_H
#define LIB_WHY_H

struct why {
    char text[600];
};

/* Sets the sentence and returns `err` (a negative errno), so that one can `return why(...)`. */
int why(struct why *w, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before the sentence that is there; returns `err`. */
int why_in(struct why *w, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
