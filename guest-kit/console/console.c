/*
 * The console: the ring of a guest, or the hypervisor's own console in dom0. Text that finds the
 * ring full waits in a backlog; order is kept.
 */
#include <gk/evt.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include "console/con.h"
#include "libc/string.h"
#include "mem/mem.h"
#include "thread/turn.h"

#define BACKLOG 4096
static char backlog[BACKLOG];
static size_t backlog_length, dropped;
static struct xencons_interface *ring; /* NULL: dom0's console */
static bool emergency;
static struct gk_waitq readers, writers;

static uint32_t port(void)
{
    return kit_start_info->console.domU.evtchn;
}

static void backlog_drain(void)
{
    size_t sent = con_ring_put(ring, backlog, backlog_length);

    if (!sent)
        return;
    backlog_length -= sent;
    memmove(backlog, backlog + sent, backlog_length);
    gk_evt_send(port());
    if (backlog_length < BACKLOG / 2 && dropped) {
        size_t lost = dropped;
        dropped = 0;
        gk_printf("[%zu bytes of output lost]\n", lost);
    }
}

static void event(uint32_t unused, void *argument)
{
    (void)unused;
    (void)argument;
    if (ring && backlog_length)
        backlog_drain();
    gk_waitq_wake_all(&writers);
    gk_waitq_wake_all(&readers);
}

void kit_console_init(void)
{
    if (gk_is_dom0()) {
        gk_evt_virq(VIRQ_CONSOLE, event, NULL);
        return;
    }
    ring = kit_mfn_va(kit_start_info->console.domU.mfn);
    gk_evt_handle(port(), event, NULL);
}

void kit_console_resume(void)
{
    ring = kit_mfn_va(kit_start_info->console.domU.mfn);
    gk_evt_handle(port(), event, NULL);
    gk_evt_send(port());
}

/* Nobody may ever read the console, so patience ends. */
static void wait_for_room(void)
{
    for (unsigned int i = 0; i < 20000 && !con_ring_flushed(ring); i++)
        hc_sched(SCHEDOP_yield, NULL);
}

static void emergency_out(const char *bytes, size_t length)
{
    while (length) {
        size_t sent = con_ring_put(ring, bytes, length);
        gk_evt_send(port());
        bytes += sent;
        length -= sent;
        wait_for_room();
        if (!sent && !con_ring_put(ring, "", 0) && !con_ring_flushed(ring))
            return;
    }
    wait_for_room();
}

void kit_console_emergency(void)
{
    if (emergency)
        return;
    emergency = true;
    if (ring)
        emergency_out(backlog, backlog_length);
    backlog_length = 0;
}

/* Bytes as they are. */
static void out(const char *bytes, size_t length)
{
    if (!ring) {
        HC3(__HYPERVISOR_console_io, CONSOLEIO_write, length, bytes);
        return;
    }
    if (emergency) {
        emergency_out(bytes, length);
        return;
    }
    if (!backlog_length) {
        size_t sent = con_ring_put(ring, bytes, length);
        bytes += sent;
        length -= sent;
        if (sent)
            gk_evt_send(port());
    }
    size_t kept = length < BACKLOG - backlog_length ? length : BACKLOG - backlog_length;
    memcpy(backlog + backlog_length, bytes, kept);
    backlog_length += kept;
    dropped += length - kept;
}

void gk_console_put(const void *bytes, size_t length)
{
    KIT_TURN;
    char line[128];
    size_t n = 0;

    /* A carriage return before each newline, in pieces, so that a line is one kick of the other
     * side. */
    for (const char *p = bytes; length; p++, length--) {
        if (*p == '\n' && ring)
            line[n++] = '\r';
        line[n++] = *p;
        if (n >= sizeof(line) - 2) {
            out(line, n);
            n = 0;
        }
    }
    if (n)
        out(line, n);
}

void gk_console_write(const void *bytes, size_t length)
{
    KIT_TURN;
    const char *p = bytes;

    while (length) {
        size_t piece = length < 256 ? length : 256;
        while (backlog_length > BACKLOG - 512 && !emergency)
            gk_waitq_wait(&writers, GK_FOREVER);
        gk_console_put(p, piece);
        p += piece;
        length -= piece;
    }
}

static size_t in(char *bytes, size_t size)
{
    if (!ring) {
        long n = HC3(__HYPERVISOR_console_io, CONSOLEIO_read, size, bytes);
        return n > 0 ? (size_t)n : 0;
    }
    size_t n = con_ring_get(ring, bytes, size);
    if (n)
        gk_evt_send(port());
    return n;
}

size_t gk_console_read(void *bytes, size_t size, uint64_t deadline)
{
    KIT_TURN;
    size_t n;

    while (!(n = in(bytes, size)) && size)
        if (!gk_waitq_wait(&readers, deadline))
            return in(bytes, size);
    return n;
}

void gk_console_flush(uint64_t deadline)
{
    KIT_TURN;
    if (!ring)
        return;
    while (backlog_length || !con_ring_flushed(ring))
        if (!gk_waitq_wait(&writers, deadline))
            return;
}
