/*
 * Who is attached to a console: over our socket (axl console), or by a pty whose name is in the
 * xenstore (xl console). Both read the log from a place of their own.
 *
 * On the socket a client says one line and is answered by one, "ok..." or "error WHY":
 *   ready ID           the guest's console is being kept; "ok", and the connection ends
 *   attach ID [POS]    "ok POS", then bytes both ways. POS is the guest's own count of its output
 * (a number of 32 bits that runs over); given, what follows begins just there
 */
#ifndef CONSOLED_CLIENT_H
#define CONSOLED_CLIENT_H

#include "base/list.h"
#include "consoled/logfile.h"
#include "dkit/loop.h"

struct console;

struct client {
    struct source source;
    struct console *console; /* NULL: has not said which yet */
    struct list of_console;
    struct log_place place;
    uint32_t wanted; /* events */
    int slave;       /* a pty's other end, held open so that ours does not hang up; -1 */
    uint16_t have, sent;
    uint16_t line_len;
    char line[48];
    char buf[4096];
};

/* Listens. 0 or -errno. */
int client_listen(const char *path) NODISCARD;
/* A pty for this console, and its name in the xenstore. */
void client_pty(struct console *c);
/* There may be more in the log, room in the ring, or the guest is gone. May free the client. */
void client_news(struct client *cl);

#endif
