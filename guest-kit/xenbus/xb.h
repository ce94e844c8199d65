/* Inside the xenbus room. */
#ifndef XENBUS_XB_H
#define XENBUS_XB_H

#include <gk/thread.h>
#include <gk/xenbus.h>
#include "start/kit.h"
#include <xen/io/xs_wire.h>

/* --- ring.c: pure. The peer's index is read once; one that cannot be means a dead ring. --- */
/* How many bytes went in or came out; -1: the ring's indices are nonsense. */
long xs_ring_put(struct xenstore_domain_interface *ring, const void *bytes, size_t length);
long xs_ring_get(struct xenstore_domain_interface *ring, void *bytes, size_t size);

/*
 * --- message.c: pure. Puts messages together from a stream of bytes. ---
 * Feed it what the ring gives; a whole message is handed to xs_message_done(), its body
 * NUL-terminated and to be freed by the receiver; NULL when there was no memory for it. False: the
 * stream is nonsense, nothing more of it can be understood.
 */
struct xs_stream {
    struct xsd_sockmsg head;
    uint32_t have; /* bytes of head and body so far */
    char *body;
};
bool xs_stream_feed(struct xs_stream *s, const char *bytes, size_t length);
void xs_message_done(const struct xsd_sockmsg *head, char *body);

/* --- xs.c --- */
struct xs_part {
    const void *bytes;
    size_t length;
};
/*
 * One request and its reply: body (freed by the caller) and *length when wanted. 0, an error of
 * xenstored's, -XEN_ENOMEM, -XEN_EIO, -XEN_ENOSYS.
 */
int xs_request(uint32_t type, gk_xs_tx tx, const struct xs_part *parts, size_t count, char **body,
               size_t *length);
bool xs_present(void);
/* Waits for the replies that are due and keeps new requests waiting; then everything anew. */
void xs_suspend(void);
void xs_resume(bool cancelled);

/* --- watch.c --- */
void xs_watch_event(char *body, size_t length);
void xs_watch_resume(void); /* registers all watches again */
_Noreturn void xs_watch_loop(void);

/* --- control.c: the xenstore thread, which also obeys control/shutdown --- */
void kit_control_start(void);
bool kit_in_xenstore_thread(void);
/* Requests fail with -XEN_EIO when the deadline comes before the reply. */
void xs_patience(uint64_t deadline);

#endif
