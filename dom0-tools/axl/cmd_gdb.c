/*
 * axl gdb: gdb's remote protocol for a PV guest, on standard input and output.
 *
 *     (gdb) target remote | axl gdb DOM              or    | ssh dom0 axl gdb DOM
 *
 * The guest is paused while gdb looks at it, runs at `continue`, stops again at ^C or when it ends.
 * Each vcpu is a thread. Memory is read and written through the page tables of the chosen vcpu.
 * There are no breakpoints and no steps, and registers are not changed: those need the
 * hypervisor's debugger interface.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "axl/axl.h"
#include "axl/cmd.h"

enum { PACKET = 4096, LOOK_MS = 200 };

struct gdb {
    struct hyp *h;
    uint32_t domid, vcpu, vcpus;
    bool paused;
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

/* In gdb's order for amd64. */
static void registers(struct gdb *g)
{
    const cpu_user_regs_t *u = &g->c.user_regs;
    const uint64_t wide[] = {u->rax, u->rbx, u->rcx, u->rdx, u->rsi, u->rdi, u->rbp, u->rsp, u->r8,
                             u->r9,  u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rip};
    const uint32_t narrow[] = {(uint32_t)u->rflags, u->cs, u->ss, u->ds, u->es, u->fs, u->gs};
    char *to = g->out;

    hex(&to, wide, sizeof wide);
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
        for (uint64_t i = 0; write && i < n; i++, from += 2)
            page[at + i] = (uint8_t)(digit(from[0]) << 4 | digit(from[1]));
        if (!write)
            hex(&to, page + at, n);
        hyp_unmap(g->h, page, 1);
        done += n;
    }
    if (write && length && done == length)
        strcpy(g->out, "OK");
}

static void hold(struct gdb *g, bool on)
{
    if (on != g->paused && (on ? hyp_pause : hyp_unpause)(g->h, g->domid) >= 0)
        g->paused = on;
}

static bool context(struct gdb *g)
{
    return hyp_get_context(g->h, g->domid, g->vcpu, &g->c) >= 0;
}

/* Lets it run until ^C, its end, or gdb's: false. */
static bool go_on(struct gdb *g)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    hyp_dominfo d;

    hold(g, false);
    for (;;) {
        if (hyp_info(g->h, g->domid, &d) < 0 || d.flags & XEN_DOMINF_dying)
            return reply("W00");
        if (d.flags & XEN_DOMINF_shutdown)
            break;
        if (poll(&p, 1, LOOK_MS) > 0) {
            int b = byte_in();
            if (b < 0)
                return false;
            if (b == 3)
                break;
        }
    }
    hold(g, true);
    context(g);
    return reply(d.flags & XEN_DOMINF_shutdown ? "S0b" : "S02");
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
    case 's':
        strcpy(g->out, "E01");
        break;
    case 'c':
        return go_on(g);
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
    hold(&g, true);
    if (!context(&g)) {
        hold(&g, false);
        return axl_fail("domain '%s': its registers cannot be read", argv[optind]);
    }
    while (packet(&g) && serve(&g))
        ;
    hold(&g, false);
    return AXL_OK;
}
