/*
 * The xenstore tests' world: memory that can fail, domains that live and die, the last log line;
 * and a client's view of a connection.
 */
#ifndef TESTS_PORT_XS_HOST_H
#define TESTS_PORT_XS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/server.h"

extern bool fake_alive[DOM_FIRST_RESERVED]; /* what host_dom_alive() answers; all true at first */
extern char fake_log[512];                  /* last line logged */
extern unsigned fake_log_lines;
extern long fake_mem_fail;  /* fail the n-th request from now on; negative: never */
extern long fake_mem_count; /* requests so far */
extern long fake_mem_used;  /* blocks not yet given back */

/* Take the next message from a connection's output. False: there is none. */
bool take_message(struct xs *xs, struct conn *c, struct xsd_sockmsg *hdr, char *payload);

/*
 * Send a request, take messages up to its reply; events met before or after stay counted in
 * `events`, the last one's text in `event` as "path token". Returns the reply's type; its payload
 * is in answer[0..answer_len), NUL-terminated.
 */
struct talk {
    struct xs *xs;
    struct conn *c;
    uint32_t tx;
    unsigned events;
    char event[XENSTORE_PAYLOAD_MAX + 1];
    char answer[XENSTORE_PAYLOAD_MAX + 1];
    size_t answer_len;
};
uint32_t ask(struct talk *t, uint32_t type, const void *data, size_t len);

/* The same with a string and its NUL; returns "OK"-like text, an error's word, or the value. */
const char *ask1(struct talk *t, uint32_t type, const char *s);
/* Two strings: `second` without NUL (write), or with it. */
const char *write_node(struct talk *t, const char *path, const char *value);
const char *ask2(struct talk *t, uint32_t type, const char *a, const char *b);

/* Drop all output: events are counted. */
void drain(struct talk *t);

/* A domain with a ring connection. */
struct conn *guest(struct xs *xs, unsigned id);

#define MUST(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#define MUST_BE(text, want)                                                                        \
    do {                                                                                           \
        const char *got_ = (text);                                                                 \
        if (strcmp(got_, want) != 0) {                                                             \
            fprintf(stderr, "%s:%d: '%s', not '%s'\n", __FILE__, __LINE__, got_, want);            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
