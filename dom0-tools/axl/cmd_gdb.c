/*
 * axl gdb: gdb's remote protocol for a PV guest, on standard input and output.
 *
 *     (gdb) target remote | axl gdb DOM              or    | ssh dom0 axl gdb DOM
 *
 * The guest is paused while gdb looks at it, runs at `continue`, stops again at a breakpoint, after
 * a step, at ^C or when it ends. Each vcpu is a thread. Memory is read and written through the page
 * tables of the chosen vcpu. Breakpoints are INT3 and a step is the trap flag, both in the guest's
 * kernel (all of a unikernel): while XEN_DOMCTL_setdebugging is on, the hypervisor pauses the
 * domain instead of handing it the exception. Registers are changed by a vcpu's whole context,
 * which has of the extended state what FXSAVE has: AVX registers are lost by it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "axl/axl.h"
#include "axl/cmd.h"

enum { PACKET = 4096, LOOK_MS = 200, BREAKS = 64, INT3 = 0xcc, BREAK_VECTOR = 3, WRITABLE = 18 };
#define FLAG_TRAP 0x100U
#define STEP_TRAP 0x4000U /* of DR6 */

struct brk {
    uint64_t address;
    uint8_t was;
    bool set;
};

struct gdb {
    struct hyp *h;
    uint32_t domid, vcpus;
    uint32_t vcpu, step; /* which one is looked at, is to step */
    bool paused, breaks; /* breaks: the hypervisor pauses it at breakpoints and steps */
    struct brk brk[BREAKS];
    vcpu_guest_context_t c;
    char in[PACKET + 1], out[PACKET * 2 + 1];
};

static const char digits[] = "0123456789abcdef";

static int byte_in(void)
{
    uint8_t b;

    return read(STDIN_FILENO, &b, 1) == 1 ? b : -1;
}

static bool put(const char *text, size_t n)
{
    while (n) {
        ssize_t done = write(STDOUT_FILENO, text, n);
        if (done <= 0)
            return false;
        text += done;
        n -= (size_t)done;
    }
    return true;
}

/* One reply, again until gdb says '+'. */
static bool reply(const char *text)
{
    uint8_t sum = 0;
    int answer;

    for (const char *p = text; *p; p++)
        sum = (uint8_t)(sum + (uint8_t)*p);
    const char tail[] = {'#', digits[sum >> 4], digits[sum & 15]};
    do {
        if (!put("$", 1) || !put(text, strlen(text)) || !put(tail, 3))
            return false;
        answer = byte_in();
    } while (answer == '-');
    return answer >= 0;
}

/* The next packet's text into g->in; false: gdb is gone. What is too long or damaged is refused. */
static bool packet(struct gdb *g)
{
    for (;;) {
        size_t n = 0;
        uint8_t sum = 0;
        int b;
        while ((b = byte_in()) != '$')
            if (b < 0)
                return false;
        while ((b = byte_in()) >= 0 && b != '#') {
            sum = (uint8_t)(sum + b);
            if (n < PACKET)
                g->in[n++] = (char)b;
        }
        char want[3] = {(char)byte_in(), (char)byte_in(), 0};
        if (b < 0)
            return false;
        g->in[n] = '\0';
        if (n < PACKET && strtoul(want, NULL, 16) == sum)
            return put("+", 1);
        if (!put("-", 1))
            return false;
    }
}

static void hex(char **to, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t b = ((const uint8_t *)bytes)[i];
        *(*to)++ = digits[b >> 4];
        *(*to)++ = digits[b & 15];
    }
    **to = '\0';
}

/* Registers that are changed, by gdb's numbers for amd64: 16 is rip, 17 the flags. */
static uint64_t *wide_register(cpu_user_regs_t *u, unsigned int n)
{
    uint64_t *const all[WRITABLE] = {&u->rax, &u->rbx, &u->rcx, &u->rdx, &u->rsi, &u->rdi,
                                     &u->rbp, &u->rsp, &u->r8,  &u->r9,  &u->r10, &u->r11,
                                     &u->r12, &u->r13, &u->r14, &u->r15, &u->rip, &u->rflags};
    return n < WRITABLE ? all[n] : NULL;
}

/* All of them in gdb's order: the flags and the selectors have four bytes. */
static void registers(struct gdb *g)
{
    cpu_user_regs_t *u = &g->c.user_regs;
    const uint32_t narrow[] = {(uint32_t)u->rflags, u->cs, u->ss, u->ds, u->es, u->fs, u->gs};
    char *to = g->out;

    for (unsigned int n = 0; n < WRITABLE - 1; n++)
        hex(&to, wide_register(u, n), sizeof(uint64_t));
    hex(&to, narrow, sizeof narrow);
}

/* One frame of the guest's, or NULL. */
static uint8_t *frame(struct gdb *g, uint64_t mfn, int prot)
{
    xen_pfn_t pfn = mfn;
    int err = 0;
    uint8_t *p = hyp_map_some(g->h, g->domid, prot, &pfn, &err, 1);

    if (p && err) {
        hyp_unmap(g->h, p, 1);
        return NULL;
    }
    return p;
}

/* The frame that `address` is in; 0: not mapped. PV guests have no large pages. */
static uint64_t translate(struct gdb *g, uint64_t address)
{
    uint64_t mfn = g->c.ctrlreg[3] >> 12;

    for (int level = 4; level; level--) {
        uint64_t *table = (void *)frame(g, mfn, PROT_READ);
        if (!table)
            return 0;
        uint64_t entry = table[address >> (12 + 9 * (level - 1)) & 511];
        hyp_unmap(g->h, table, 1);
        if (!(entry & 1))
            return 0;
        mfn = entry >> 12 & 0xffffffffff;
    }
    return mfn;
}

static uint8_t digit(char c)
{
    const char *at = strchr(digits, c | 0x20);

    return at && c ? (uint8_t)(at - digits) : 0;
}

/* Bytes as gdb writes them; false: there are not so many. */
static bool unhex(const char **from, void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++, *from += 2) {
        if (!(*from)[0] || !(*from)[1])
            return false;
        ((uint8_t *)bytes)[i] = (uint8_t)(digit((*from)[0]) << 4 | digit((*from)[1]));
    }
    return true;
}

/* m ADDRESS,LENGTH and M ADDRESS,LENGTH:BYTES. As much as is mapped is read. */
static void memory(struct gdb *g, bool write)
{
    char *end, *to = g->out;
    uint64_t address = strtoull(g->in + 1, &end, 16);
    uint64_t length = *end ? strtoull(end + 1, &end, 16) : 0, done = 0;
    const char *from = end + 1;

    length = length < PACKET / 2 ? length : PACKET / 2;
    if (write && (*end != ':' || strlen(from) < 2 * length))
        length = 0;
    strcpy(g->out, length ? "E14" : "E22");
    while (done < length) {
        uint64_t at = (address + done) % 4096, n = 4096 - at, mfn = translate(g, address + done);
        uint8_t *page = mfn ? frame(g, mfn, write ? PROT_READ | PROT_WRITE : PROT_READ) : NULL;
        if (!page)
            break;
        n = n < length - done ? n : length - done;
        if (write)
            unhex(&from, page + at, n);
        else
            hex(&to, page + at, n);
        hyp_unmap(g->h, page, 1);
        done += n;
    }
    if (write && length && done == length)
        strcpy(g->out, "OK");
}

static bool context(struct gdb *g)
{
    return hyp_get_context(g->h, g->domid, g->vcpu, &g->c) >= 0;
}

/* G ALL, or P NUMBER=VALUE. Selectors stay what they are. */
static void change(struct gdb *g, bool all)
{
    char *end = g->in + 1;
    unsigned int n = all ? 0 : (unsigned int)strtoul(g->in + 1, &end, 16);
    unsigned int last = all ? WRITABLE - 1 : n;
    const char *from = end + !all;
    bool good = all || *end == '=';

    for (; good && n <= last; n++) {
        uint64_t *to = wide_register(&g->c.user_regs, n), value = 0;
        good = unhex(&from, &value, n == WRITABLE - 1 ? 4 : 8);
        if (good && to)
            *to = value;
    }
    good = good && hyp_set_context(g->h, g->domid, g->vcpu, &g->c) >= 0;
    context(g);
    strcpy(g->out, good ? "OK" : "E22");
}

/* The byte at an address, in exchange for `byte`. False: nothing is mapped there. */
static bool exchange(struct gdb *g, uint64_t address, uint8_t byte, uint8_t *was)
{
    uint64_t mfn = translate(g, address);
    uint8_t *page = mfn ? frame(g, mfn, PROT_READ | PROT_WRITE) : NULL;

    if (!page)
        return false;
    *was = page[address % 4096];
    page[address % 4096] = byte;
    hyp_unmap(g->h, page, 1);
    return true;
}

static struct brk *find(struct gdb *g, uint64_t address, bool set)
{
    for (struct brk *b = g->brk; b < g->brk + BREAKS; b++)
        if (b->set == set && (!set || b->address == address))
            return b;
    return NULL;
}

/* Z0,ADDRESS,KIND and z0: other kinds than 0 are not there. */
static void breakpoint(struct gdb *g, bool set)
{
    if (!g->breaks || g->in[1] != '0' || g->in[2] != ',')
        return;
    uint64_t address = strtoull(g->in + 3, NULL, 16);
    struct brk *b = find(g, address, true);
    uint8_t ours;

    if (set && !b) {
        b = find(g, 0, false);
        if (!b || !exchange(g, address, INT3, &b->was)) {
            strcpy(g->out, "E14");
            return;
        }
        b->address = address;
        b->set = true;
    } else if (!set && b) {
        exchange(g, address, b->was, &ours);
        b->set = false;
    }
    strcpy(g->out, "OK");
}

/* The trap flag of the vcpu in g->c. */
static void trap_flag(struct gdb *g, bool on)
{
    uint64_t before = g->c.user_regs.rflags;

    g->c.user_regs.rflags = on ? before | FLAG_TRAP : before & ~(uint64_t)FLAG_TRAP;
    if (g->c.user_regs.rflags != before)
        hyp_set_context(g->h, g->domid, g->vcpu, &g->c);
}

/* The vcpu in g->c has paused the domain: its step is taken note of, and it stands in front of its
 * breakpoint, if that is ours. */
static void stopped(struct gdb *g, uint32_t event)
{
    g->c.debugreg[6] &= ~(uint64_t)STEP_TRAP;
    if (event == BREAK_VECTOR && find(g, g->c.user_regs.rip - 1, true))
        g->c.user_regs.rip--;
    hyp_set_context(g->h, g->domid, g->vcpu, &g->c);
}

/* On: our own pause is then the only one, so that off is one call, after which it may be paused
 * again at once. g->vcpu is one that stopped by itself, if any did. */
static void hold(struct gdb *g, bool on)
{
    uint32_t vcpu, event;

    if (on == g->paused || (on ? hyp_pause : hyp_unpause)(g->h, g->domid) < 0)
        return;
    g->paused = on;
    while (on && hyp_debug_event(g->h, g->domid, &vcpu, &event) == 0) {
        hyp_unpause(g->h, g->domid);
        g->vcpu = vcpu < g->vcpus ? vcpu : 0;
        if (context(g))
            stopped(g, event);
    }
    context(g);
}

/* Lets it run until a breakpoint, the end of a step, ^C, its end, or gdb's: false. */
static bool go_on(struct gdb *g, bool step)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    int wait = 1; /* ms: a step is over at once, a breakpoint perhaps */
    char why[32];
    const char *how = NULL;
    hyp_dominfo d;

    if (step) {
        g->vcpu = g->step < g->vcpus ? g->step : g->vcpu;
        if (!context(g))
            return reply("E03");
        trap_flag(g, true);
    }
    hold(g, false);
    while (!how) {
        if (hyp_info(g->h, g->domid, &d) < 0 || d.flags & XEN_DOMINF_dying)
            return reply("W00");
        if (d.flags & XEN_DOMINF_shutdown) {
            how = "0b";
        } else if (d.flags & XEN_DOMINF_paused) {
            how = "05";
        } else if (poll(&p, 1, wait) > 0) {
            int b = byte_in();
            if (b < 0)
                return false;
            if (b == 3)
                how = "02";
        }
        wait = 2 * wait < LOOK_MS ? 2 * wait : LOOK_MS;
    }
    hold(g, true);
    if (step)
        trap_flag(g, false);
    g->step = g->vcpus;
    snprintf(why, sizeof why, "T%sthread:%x;", how, g->vcpu + 1);
    return reply(why);
}

static void query(struct gdb *g)
{
    char *to = g->out;

    if (!strncmp(g->in, "qSupported", 10)) {
        sprintf(g->out, "PacketSize=%x", PACKET);
    } else if (!strcmp(g->in, "qAttached")) {
        strcpy(g->out, "1");
    } else if (!strcmp(g->in, "qC")) {
        sprintf(g->out, "QC%x", g->vcpu + 1);
    } else if (!strcmp(g->in, "qsThreadInfo")) {
        strcpy(g->out, "l");
    } else if (!strcmp(g->in, "qfThreadInfo")) {
        for (uint32_t i = 0; i < g->vcpus; i++)
            to += sprintf(to, "%c%x", i ? ',' : 'm', i + 1);
    }
}

/* H: the vcpu that what follows is about; 0 and -1 are any. */
static void choose(struct gdb *g)
{
    long id = g->in[1] ? strtol(g->in + 2, NULL, 16) : 0;
    uint32_t before = g->vcpu;

    strcpy(g->out, "OK");
    if (g->in[1] == 'c')
        g->step = id > 0 ? (uint32_t)id - 1 : g->vcpus;
    if (g->in[1] != 'g' || id <= 0)
        return;
    g->vcpu = (uint32_t)id - 1;
    if (g->vcpu < g->vcpus && context(g))
        return;
    g->vcpu = before;
    strcpy(g->out, "E03");
}

/* False: the end. */
static bool serve(struct gdb *g)
{
    g->out[0] = '\0';
    switch (g->in[0]) {
    case '?':
        strcpy(g->out, "S05");
        break;
    case 'g':
        registers(g);
        break;
    case 'm':
    case 'M':
        memory(g, g->in[0] == 'M');
        break;
    case 'q':
        query(g);
        break;
    case 'H':
        choose(g);
        break;
    case 'T':
        strcpy(g->out, "OK");
        break;
    case 'G':
    case 'P':
        change(g, g->in[0] == 'G');
        break;
    case 'Z':
    case 'z':
        breakpoint(g, g->in[0] == 'Z');
        break;
    case 's':
        if (g->breaks)
            return go_on(g, true);
        strcpy(g->out, "E01");
        break;
    case 'c':
        return go_on(g, false);
    case 'D':
        reply("OK");
        return false;
    case 'k':
        return false;
    }
    return reply(g->out);
}

int cmd_gdb(struct axl *a, int argc, char **argv)
{
    static struct gdb g;
    hyp_dominfo d;
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);

    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return AXL_FAILED;
    if (!domid)
        return axl_fail("domain 0 cannot be looked at from itself");
    g.h = axl_hyp(a);
    g.domid = (uint32_t)domid;
    if (hyp_info(g.h, g.domid, &d) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    g.vcpus = d.max_vcpu_id + 1 < 128 ? d.max_vcpu_id + 1 : 128;
    g.step = g.vcpus;
    hold(&g, true);
    if (!context(&g)) {
        hold(&g, false);
        return axl_fail("domain '%s': its registers cannot be read", argv[optind]);
    }
    g.breaks = hyp_debug(g.h, g.domid, true) >= 0;
    if (!g.breaks)
        fprintf(stderr, "axl gdb: this hypervisor has no breakpoints and no steps\n");
    while (packet(&g) && serve(&g))
        ;
    hold(&g, true); /* gdb may have gone while it ran */
    for (struct brk *b = g.brk; b < g.brk + BREAKS; b++)
        if (b->set)
            exchange(&g, b->address, b->was, &b->was);
    if (g.breaks)
        hyp_debug(g.h, g.domid, false);
    hold(&g, false);
    return AXL_OK;
}
