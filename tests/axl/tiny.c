/*
 * tiny: the smallest useful PV guest for the tests of axl. It prints on its console, obeys
 * control/shutdown (poweroff, reboot, suspend), ticks, and says what it woke up to after a restore.
 *
 * Command line words: "poweroff", "reboot", "crash" act at once; "hold=TEXT" is remembered in
 * memory and printed again after a restore; "flood=N" prints N numbered lines as fast as it can;
 * "features" prints what the hypervisor's CPUID says. A line typed on its console is told back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <xen/sched.h>

#define BASE 0xffffffff80000000ul

__asm__(".pushsection .note.Xen, \"a\"\n"
        ".macro note type, desc:vararg\n .balign 4\n .long 4, 9f - 8f, \\type\n .asciz \"Xen\"\n"
        "8: \\desc\n9: .balign 4\n.endm\n"
        "note 6, .asciz \"tiny\"\nnote 5, .asciz \"xen-3.0\"\nnote 3, .quad 0xffffffff80000000\n"
        "note 4, .quad 0xffffffff80000000\n"
        "note 1, .quad _start\nnote 9, .asciz \"yes\"\nnote 8, .asciz \"generic\"\n"
        "note 14, .long 1\n.popsection\n"
        ".globl _start\n_start: lea stack_top(%rip), %rsp\n mov %rsi, %rdi\n call run\n"
        ".pushsection .bss\n .balign 4096\n .skip 16384\nstack_top:\n.popsection\n");

static long hypercall(unsigned nr, uint64_t a, uint64_t b, uint64_t c)
{
    long rc;
    __asm__ volatile("syscall"
                     : "=a"(rc), "+D"(a), "+S"(b), "+d"(c)
                     : "a"((uint64_t)nr)
                     : "rcx", "r11", "r8", "r9", "r10", "memory");
    return rc;
}

static start_info_t *si;
static volatile struct xencons_interface *con;
static volatile struct xenstore_domain_interface *xs;
static char shared_page[4096] __attribute__((aligned(4096)));
static uint64_t list_list[512] __attribute__((aligned(4096)));
static uint64_t list[512] __attribute__((aligned(4096)));
#define SHARED ((volatile shared_info_t *)shared_page)

static uint64_t *p2m(void)
{
    return (uint64_t *)si->mfn_list;
}

static uint64_t mfn_of(const void *p)
{
    return p2m()[((uint64_t)p - BASE) >> 12];
}

static uint64_t pfn_of(uint64_t mfn)
{
    return ((const uint64_t *)0xffff800000000000ul)[mfn];
}

static void notify(unsigned port)
{
    struct evtchn_send s = {.port = port};
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uint64_t)&s, 0);
}

/* All of one version, the TSC too: one read before a preemption lies before a time stamp from
 * behind it, and by a difference below 0 we would sleep for years. */
static uint64_t now(void)
{
    const volatile struct vcpu_time_info *t = &SHARED->vcpu_info[0].time;
    uint32_t v, mul;
    uint64_t ns, tsc;
    int shift;
    do {
        v = t->version;
        ns = t->system_time;
        tsc = __builtin_ia32_rdtsc() - t->tsc_timestamp;
        shift = t->tsc_shift;
        mul = t->tsc_to_system_mul;
    } while (v & 1 || v != t->version);
    if ((int64_t)tsc < 0)
        tsc = 0;
    tsc = shift < 0 ? tsc >> -shift : tsc << shift;
    return ns + (uint64_t)(((unsigned __int128)tsc * mul) >> 32);
}

/* Waits for the port, at most `ms`. */
static void wait(unsigned port, unsigned ms)
{
    evtchn_port_t p = port;
    struct sched_poll poll = {.nr_ports = 1, .timeout = now() + ms * 1000000ul};
    set_xen_guest_handle(poll.ports, &p);
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (uint64_t)&poll, 0);
    __atomic_and_fetch(&((shared_info_t *)shared_page)->evtchn_pending[port / 64],
                       ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
}

static void put(const char *s)
{
    for (; *s; s++) {
        while (con->out_prod - con->out_cons >= sizeof con->out)
            wait(si->console.domU.evtchn, 100);
        con->out[con->out_prod % sizeof con->out] = *s;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        con->out_prod++;
    }
    notify(si->console.domU.evtchn);
}

static void put_number(uint64_t n)
{
    char t[24], *p = t + 23;
    *p = 0;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    put(p);
}

static const char *word(const char *name)
{
    size_t n = 0;
    while (name[n])
        n++;
    for (const char *p = (const char *)si->cmd_line; *p; p++) {
        size_t i = 0;
        while (i < n && p[i] == name[i])
            i++;
        if (i == n)
            return p + n;
    }
    return NULL;
}

static void flood(const char *count)
{
    uint64_t n = 0;
    while (*count >= '0' && *count <= '9')
        n = n * 10 + (uint64_t)(*count++ - '0');
    for (uint64_t i = 1; i <= n; i++) {
        put("flood ");
        put_number(i);
        put("\r\n");
    }
    put("tiny: flood ends\r\n");
}

/* As PV kernels ask: by the instruction that the hypervisor answers. */
static void features(void)
{
    static const uint32_t leaf[] = {1, 0x80000001};
    put("tiny: features");
    for (int i = 0; i < 2; i++) {
        uint32_t r[4] = {leaf[i]};
        __asm__ volatile("ud2; .ascii \"xen\"; cpuid"
                         : "+a"(r[0]), "=b"(r[1]), "+c"(r[2]), "=d"(r[3]));
        for (int k = 0; k < 4; k++) {
            put(" ");
            put_number(r[k]);
        }
    }
    put(" end\r\n");
}

/* A whole line is told back. */
static void listen(void)
{
    static char line[64];
    static unsigned n;
    while (con->in_cons != con->in_prod) {
        char c = con->in[con->in_cons % sizeof con->in];
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        con->in_cons++;
        if (c != '\r' && c != '\n') {
            line[n] = c;
            n += n < sizeof line - 2;
            continue;
        }
        line[n] = 0;
        n = 0;
        put("tiny: heard '");
        put(line);
        put("'\r\n");
    }
}

static void end(unsigned reason)
{
    struct sched_shutdown s = {.reason = reason};
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uint64_t)&s, mfn_of(si));
}

/* --- xenstore: one request at a time ---------------------------------------------------------- */

static void ring_out(const void *data, uint32_t n)
{
    const char *p = data;
    for (uint32_t i = 0; i < n; i++) {
        while (xs->req_prod - xs->req_cons >= XENSTORE_RING_SIZE)
            wait(si->store_evtchn, 100);
        xs->req[xs->req_prod % XENSTORE_RING_SIZE] = p[i];
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        xs->req_prod++;
    }
}

static void ring_in(char *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        while (xs->rsp_prod == xs->rsp_cons)
            wait(si->store_evtchn, 100);
        char c = xs->rsp[xs->rsp_cons % XENSTORE_RING_SIZE];
        if (p)
            *p++ = c;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        xs->rsp_cons++;
    }
}

static uint32_t request(uint32_t type, const char *body, uint32_t n, char *out, uint32_t room)
{
    struct xsd_sockmsg m = {.type = type, .len = n};
    ring_out(&m, sizeof m);
    ring_out(body, n);
    notify(si->store_evtchn);
    ring_in((char *)&m, sizeof m);
    uint32_t take = m.len < room - 1 ? m.len : room - 1;
    ring_in(out, take);
    ring_in(NULL, m.len - take);
    notify(si->store_evtchn);
    out[take] = 0;
    return m.type == type ? take : 0;
}

/* --- suspend ---------------------------------------------------------------------------------- */

static void map_shared(uint64_t maddr)
{
    hypercall(__HYPERVISOR_update_va_mapping, (uint64_t)shared_page, maddr | 0x67, UVMF_INVLPG);
}

static void publish_p2m(void)
{
    uint64_t pages = (si->nr_pages + 511) / 512;
    for (uint64_t i = 0; i < pages && i < 512; i++)
        list[i] = mfn_of((char *)si->mfn_list + i * 4096);
    list_list[0] = mfn_of(list);
    ((shared_info_t *)shared_page)->arch.pfn_to_mfn_frame_list_list = mfn_of(list_list);
    ((shared_info_t *)shared_page)->arch.max_pfn = si->nr_pages;
}

static void join(void)
{
    map_shared(si->shared_info);
    publish_p2m();
    con = (void *)(BASE + (pfn_of(si->console.domU.mfn) << 12));
    xs = (void *)(BASE + (pfn_of(si->store_mfn) << 12));
}

static void suspend(void)
{
    si->store_mfn = pfn_of(si->store_mfn);
    si->console.domU.mfn = pfn_of(si->console.domU.mfn);
    map_shared(mfn_of(shared_page) << 12);
    struct sched_shutdown s = {.reason = SHUTDOWN_suspend};
    long cancelled = hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uint64_t)&s, mfn_of(si));
    if (cancelled) {
        si->store_mfn = p2m()[si->store_mfn];
        si->console.domU.mfn = p2m()[si->console.domU.mfn];
    }
    join();
    put(cancelled ? "tiny: suspend was cancelled\r\n" : "tiny: woke up in another domain\r\n");
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void obey(void)
{
    static const char path[] = "control/shutdown", ack[] = "control/shutdown\0";
    char what[32], reply[8];
    if (!request(XS_READ, path, sizeof path, what, sizeof what) || !what[0])
        return;
    request(XS_WRITE, ack, sizeof path, reply, sizeof reply);
    put("tiny: told to ");
    put(what);
    put("\r\n");
    if (same(what, "poweroff") || same(what, "halt"))
        end(SHUTDOWN_poweroff);
    else if (same(what, "reboot"))
        end(SHUTDOWN_reboot);
    else if (same(what, "suspend"))
        suspend();
}

void run(start_info_t *info) __attribute__((noreturn));
void run(start_info_t *info)
{
    si = info;
    join();
    put("tiny: up with ");
    put_number(si->nr_pages / 256);
    put(" MiB, told '");
    put((const char *)si->cmd_line);
    put("'\r\n");
    if (word("poweroff"))
        end(SHUTDOWN_poweroff);
    if (word("reboot"))
        end(SHUTDOWN_reboot);
    if (word("crash"))
        end(SHUTDOWN_crash);
    if (word("features"))
        features();
    if (word("flood="))
        flood(word("flood="));
    for (uint64_t n = 1;; n++) {
        wait(si->store_evtchn, 200);
        obey();
        listen();
        if (n % 10 == 0 && word("tick")) {
            put("tiny: tick ");
            put_number(n / 10);
            put("\r\n");
        }
    }
}
