/*
 * A channel between two guests: bytes both ways through one shared page, as <xen/io/libxenvchan.h>
 * lays it out, so that a program that uses libxenvchan can be the other end.
 *
 * The server grants the page to one client and names it in its own xenstore directory, at
 * data/vchan/<client's domid>/<name>. The other end need not be trusted: it can end the channel or
 * send rubbish, no more. An end whose domain is destroyed cannot say so: use deadlines. Both ends
 * are lost when either domain is saved; open anew then.
 *
 * One thread may read while another writes; two readers, or two writers, need a mutex of theirs.
 */
#ifndef GK_CHAN_H
#define GK_CHAN_H

#include <stddef.h>
#include <stdint.h>

struct gk_chan;

/*
 * Offers a channel to domain `client`; `name` is one part of a xenstore path, 1 to 64 bytes without
 * '/'. 0 and *chan, the caller's until gk_chan_close(); -XEN_EINVAL: no such name; -XEN_ENOMEM;
 * -XEN_ENOSPC: no grant or port is free; xenstore's errors (<gk/xenbus.h>). May block on xenstore,
 * does not wait for the client. What is written before the client comes waits in the ring.
 */
int gk_chan_serve(uint16_t client, const char *name, struct gk_chan **chan);
/*
 * Joins what domain `server` offers us; waits for the offer until `deadline` (gk_time_mono()):
 * -XEN_ENOENT. -XEN_EIO: its page is nonsense; else as gk_chan_serve(), gk_gnt_map() and
 * gk_evt_bind(). May block.
 */
int gk_chan_connect(uint16_t server, const char *name, uint64_t deadline, struct gk_chan **chan);

/*
 * Reads at least one byte and at most `size`, waiting until `deadline` (gk_time_mono()). Returns
 * the number of bytes; 0: the other end has closed and all it sent was read; -XEN_ETIMEDOUT: the
 * deadline came; -XEN_EIO: the ring is nonsense; -XEN_ENOTCONN: this end was lost by a save. May
 * block.
 */
long gk_chan_read(struct gk_chan *chan, void *bytes, size_t size, uint64_t deadline);
/*
 * Writes all `size` bytes, or fewer when the deadline comes or the other end closes. Returns the
 * number written, or, when that is 0, -XEN_ETIMEDOUT, -XEN_ENOTCONN (closed or lost) or -XEN_EIO.
 * May block.
 */
long gk_chan_write(struct gk_chan *chan, const void *bytes, size_t size, uint64_t deadline);

/* Ends it and frees it; the other end reads what is left and then 0. May block on xenstore. */
void gk_chan_close(struct gk_chan *chan);

#endif
