/*
 * The xenstore as the tools use it: reads at once, changes in batches.
 *
 * A batch is put together in memory and sent by store_commit(), so that a transaction that
 * conflicts is simply sent again, and so that nobody waits for each change's answer. One that fails
 * does not keep those behind it from being made, unless the batch is a transaction. Paths are
 * printf-formatted; one without a leading '/' stands below the base that store_at() set last.
 */
#ifndef LIB_STORE_H
#define LIB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/why.h"

struct store;

enum { STORE_PATH = 512 };

int store_open(struct store **s, struct why *w);
void store_close(struct store *s); /* NULL is fine */

/* --- reading -------------------------------------------------------------------------------- */

/* The value, malloced, or NULL (errno ENOENT: no such node). */
char *store_read(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The value as a decimal number; `otherwise` if there is none. */
int64_t store_number(struct store *s, int64_t otherwise, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool store_exists(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Names of the children; *n of them, one allocation, NULL when there are none. */
char **store_list(struct store *s, unsigned *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The id of the domain with this name; -ENOENT: none has it; or -errno. */
int store_domain_named(struct store *s, const char *name);

/* --- changing ------------------------------------------------------------------------------- */

void store_at(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void store_put(struct store *s, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void store_mkdir(struct store *s, const char *key);
/* Removes the node with all below it; none there is no error. */
void store_remove(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Who may do what: `owner` has all rights, `mode` ('n' none, 'r' read, 'w' write, 'b' both) is
 * what everyone else has; `peer` (if >= 0) may read.
 */
void store_perms(struct store *s, const char *key, uint32_t owner, char mode, int peer);
/* Sends the batch, as one transaction if so wished; empties it in any case. */
int store_commit(struct store *s, bool transaction, struct why *w);

/* --- waiting -------------------------------------------------------------------------------- */

int store_watch(struct store *s, const char *token, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void store_unwatch(struct store *s, const char *token, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Readable when a watch fired. */
int store_fd(struct store *s);
/* Takes one event if there is one, its token copied; false: none is waiting. Events may be here
 * without the descriptor being readable, if requests were made since. */
bool store_event(struct store *s, char *token, size_t room);
/* Waits for any event, at most `ms`: 1 came (all are taken), 0 time is up, or -errno;
 * -ECONNRESET: the xenstore's daemon has gone. */
int store_wait(struct store *s, int ms);

/* --- domains -------------------------------------------------------------------------------- */

/*
 * A command to the daemon itself (XS_CONTROL) with its n arguments; the answer, malloced, or NULL
 * when it knows no such command or refuses it.
 */
char *store_control(struct store *s, const char *command, const char **args, unsigned n);

int store_introduce(struct store *s, uint32_t domid, uint64_t mfn, uint32_t port);
int store_release(struct store *s, uint32_t domid);
int store_resume(struct store *s, uint32_t domid);

#endif
