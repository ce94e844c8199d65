/*
 * Property: FIFO events. init_control and expand_array; order within a queue and priority between
 * queues; masking; what was bound before goes on; reset returns to two levels. SKIP where they are
 * not offered.
 */
#include "pvk.h"

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)

static struct evtchn_fifo_control_block *control;
static volatile event_word_t *words;

static evtchn_port_t bound(void)
{
    struct evtchn_bind_ipi op = {.vcpu = 0};
    long rc = evtchn(EVTCHNOP_bind_ipi, &op);
    if (rc)
        panic("bind_ipi: %s", rc_name(rc));
    return op.port;
}

static long send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};
    return evtchn(EVTCHNOP_send, &op);
}

static evtchn_port_t seen[16];
static unsigned int taken;

/* Takes all events of one queue, the way the header asks for. */
static void drain(unsigned int queue)
{
    uint32_t head = __atomic_load_n(&control->head[queue], __ATOMIC_ACQUIRE);

    while (head) {
        event_word_t w = __atomic_load_n(&words[head], __ATOMIC_SEQ_CST);
        uint32_t next;
        for (;;) {
            event_word_t n = w & ~(LINKED | EVTCHN_FIFO_LINK_MASK);
            if (__atomic_compare_exchange_n(&words[head], &w, n, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST)) {
                next = w & EVTCHN_FIFO_LINK_MASK;
                break;
            }
        }
        if ((words[head] & PENDING) && !(words[head] & MASKED)) {
            __atomic_fetch_and(&words[head], ~PENDING, __ATOMIC_SEQ_CST);
            if (taken < ARRAY_SIZE(seen))
                seen[taken++] = head;
        }
        head = next;
    }
    control->head[queue] = 0;
}

static void take_all(void)
{
    uint32_t ready;

    taken = 0;
    vcpu_info()->evtchn_upcall_pending = 0;
    while ((ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST)))
        while (ready) {
            unsigned int q = (unsigned int)__builtin_ctz(ready);
            ready &= ready - 1;
            drain(q);
        }
}

static void run(void)
{
    struct evtchn_init_control init = {.vcpu = 0};
    evtchn_port_t before = bound();

    upcalls_disable();
    control = page_get();
    init.control_gfn = va_to_mfn(control);
    init.offset = 4;
    say("control block at an odd offset: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    init.offset = 4090;
    say("across the page's end: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    init.offset = 0;
    init.vcpu = 500;
    say("of no vCPU: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    init.vcpu = 0;
    init.control_gfn = va_to_mfn(kernel_l4);
    say("in a page table: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    init.control_gfn = 0xffffffffffUL;
    say("in a frame past the end: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    init.control_gfn = va_to_mfn(control);
    long rc = evtchn(EVTCHNOP_init_control, &init);
    if (rc == -38) {
        note("not offered");
        outcome_raise(SKIP);
        return;
    }
    say("init_control: %s, link bits %u", rc_name(rc), init.link_bits);
    say("again: %s", rc_name(evtchn(EVTCHNOP_init_control, &init)));
    struct evtchn_expand_array expand = {.array_gfn = 0xffffffffffUL};
    say("an array past the end: %s", rc_name(evtchn(EVTCHNOP_expand_array, &expand)));
    uint8_t *array = page_get();
    expand.array_gfn = va_to_mfn(array);
    say("expand_array: %s", rc_name(evtchn(EVTCHNOP_expand_array, &expand)));
    words = (volatile event_word_t *)array;
    say("the array page is shared and writable: not a table, %s",
        (page_protect(array), rc_name(mmuext(MMUEXT_PIN_L1_TABLE, expand.array_gfn, 0))));
    page_unprotect(array);
    say("word of the port bound before: %x", words[before]);

    evtchn_port_t p[4] = {before, bound(), bound(), bound()};
    for (unsigned int i = 0; i < 4; i++) {
        __atomic_fetch_and(&words[p[i]], ~MASKED, __ATOMIC_SEQ_CST);
        say("word of port %u: %x", i, words[p[i]]);
    }
    send(p[2]);
    send(p[0]);
    send(p[3]);
    say("three sent: ready %x, head is the first %d, upcall pending %u", control->ready,
        control->head[7] == p[2], vcpu_info()->evtchn_upcall_pending);
    say("words: %d %d %d", (words[p[2]] & LINKED) != 0,
        (words[p[2]] & EVTCHN_FIFO_LINK_MASK) == p[0],
        (words[p[0]] & EVTCHN_FIFO_LINK_MASK) == p[3]);
    take_all();
    say("taken %u in order: %d", taken,
        taken == 3 && seen[0] == p[2] && seen[1] == p[0] && seen[2] == p[3]);
    struct evtchn_set_priority priority = {.port = p[3], .priority = 0};
    say("set_priority 0: %s", rc_name(evtchn(EVTCHNOP_set_priority, &priority)));
    priority.priority = 16;
    say("set_priority 16: %s", rc_name(evtchn(EVTCHNOP_set_priority, &priority)));
    send(p[1]);
    send(p[3]);
    say("ready %x", control->ready);
    take_all();
    say("the urgent one first: %d", taken == 2 && seen[0] == p[3] && seen[1] == p[1]);
    __atomic_fetch_or(&words[p[1]], MASKED, __ATOMIC_SEQ_CST);
    SAY("send to a masked one: %s, word %x, ready %x", rc_name(send(p[1])),
        words[p[1]] & (PENDING | MASKED | LINKED), control->ready);
    __atomic_fetch_and(&words[p[1]], ~MASKED, __ATOMIC_SEQ_CST);
    struct evtchn_unmask unmask = {.port = p[1]};
    SAY("unmask: %s, ready %x", rc_name(evtchn(EVTCHNOP_unmask, &unmask)), control->ready);
    take_all();
    say("taken: %u", taken);
    send(p[1]);
    send(p[1]);
    take_all();
    say("sent twice, taken: %u", taken);
    struct evtchn_close close = {.port = p[2]};
    send(p[2]);
    SAY("close a pending one: %s, word %x", rc_name(evtchn(EVTCHNOP_close, &close)),
        words[p[2]] & (PENDING | MASKED));
    take_all();
    unsigned int pages = 1;
    while (pages < 200) {
        expand.array_gfn = va_to_mfn(page_get());
        if ((rc = evtchn(EVTCHNOP_expand_array, &expand)))
            break;
        pages++;
    }
    say("pages the array may have: %u, then %s", pages, rc_name(rc));
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    say("reset: %s", rc_name(evtchn(EVTCHNOP_reset, &reset)));
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    evtchn_port_t q = bound();
    send(q);
    say("two levels again: %d", event_pending(q));
}
PROPERTY_FLAGS(events_fifo, "events-fifo", run, PROPERTY_ALONE);
