/*
 * errors: each error that a public header of the kit names and a program can bring about alone, one
 * line "errors: WHAT: NAME" each; dom0.sh holds the lines against what the headers say. It wants a
 * disk that may only be read, 2 MiB long.
 */
#include <gk/blk.h>
#include <gk/chan.h>
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/gnt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/vcpu.h>
#include <gk/xenbus.h>

#include <xen/xen.h>

#define NOBODY 32000 /* a domain that is not there */

static void said(const char *what, long rc)
{
    gk_printf("errors: %s: %s\n", what, rc < 0 ? gk_err_name((int)rc) : "fine");
}

static void nothing(uint32_t port, void *argument)
{
    (void)port;
    (void)argument;
}

static void events(void)
{
    static uint32_t ports[4096];
    unsigned int count = 0;
    int rc, port = gk_evt_alloc(GK_DOMID_SELF, nothing, NULL);

    said("evt, port for ourselves", port);
    said("evt, bound", rc = gk_evt_bind(GK_DOMID_SELF, (uint32_t)port, nothing, NULL));
    said("evt, bound again", gk_evt_bind(GK_DOMID_SELF, (uint32_t)port, nothing, NULL));
    said("evt, bind to no port", gk_evt_bind(GK_DOMID_SELF, 900, nothing, NULL));
    said("evt, bind to dom0's", gk_evt_bind(0, 1, nothing, NULL));
    said("evt, bind to nobody", gk_evt_bind(NOBODY, 1, nothing, NULL));
    said("evt, port for nobody", gk_evt_alloc(NOBODY, nothing, NULL));
    said("evt, send", gk_evt_send((uint32_t)port));
    gk_evt_close((uint32_t)rc);
    gk_evt_close((uint32_t)port);
    said("evt, send by a closed port", gk_evt_send((uint32_t)port));
    said("evt, timer's interrupt again", gk_evt_virq(VIRQ_TIMER, nothing, NULL));
    said("evt, no such interrupt", gk_evt_virq(77, nothing, NULL));
    said("evt, another's interrupt", gk_evt_virq(VIRQ_DOM_EXC, nothing, NULL));
    said("evt, handler of no port", gk_evt_handle(4096, nothing, NULL));
    while (count < 4096 && (rc = gk_evt_alloc(GK_DOMID_SELF, nothing, NULL)) > 0)
        ports[count++] = (uint32_t)rc;
    said("evt, all ports taken", rc);
    while (count)
        gk_evt_close(ports[--count]);
    rc = gk_evt_alloc(GK_DOMID_SELF, nothing, NULL);
    said("evt, and given back", rc);
    gk_evt_close((uint32_t)rc);
}

/* Maps and copies of what is not there, and of what is not for us. */
static void map(const char *what, uint16_t domid, gk_gref ref, bool readonly)
{
    uint32_t handle;
    void *at;
    int rc = gk_gnt_map(domid, &ref, 1, readonly, &at, &handle);

    gk_printf("errors: gnt, map %s: %s\n", what, gk_err_name(rc));
    if (!rc)
        gk_gnt_unmap(at, &handle, 1);
}

static void copy(const char *what, uint16_t domid, gk_gref ref, bool in, uint16_t offset)
{
    static uint8_t page[4096] __attribute__((aligned(4096)));
    struct gk_gnt_side ours = {.domid = GK_DOMID_SELF, .address = page};
    struct gk_gnt_side theirs = {.domid = domid, .ref = ref, .offset = offset};
    int rc = in ? gk_gnt_copy(&theirs, &ours, 64) : gk_gnt_copy(&ours, &theirs, 64);

    gk_printf("errors: gnt, copy %s: %s\n", what, gk_err_name(rc));
}

static void grants(uint16_t self)
{
    void *page = gk_page_zalloc(1), *at;
    gk_gref ours, dom0s, shown, last = GK_GREF_NONE, empty;
    uint32_t handle;
    unsigned long count = 0;
    int rc;

    if (!page || gk_gnt_allow(self, page, false, &ours) || gk_gnt_allow(0, page, false, &dom0s) ||
        gk_gnt_allow(self, page, true, &shown) || gk_gnt_reserve(&empty))
        gk_panic("errors: no grants");
    map("of our own", self, ours, false);
    map("of nobody", NOBODY, ours, false);
    map("of no reference", self, 1U << 20, false);
    map("of an empty reference", self, empty, false);
    map("of another's", self, dom0s, false);
    map("of one to read, for writing", self, shown, false);
    map("of one to read", self, shown, true);
    copy("from our own", self, ours, true, 0);
    copy("from nobody", NOBODY, ours, true, 0);
    copy("from no reference", self, 1U << 20, true, 0);
    copy("from an empty reference", self, empty, true, 0);
    copy("from another's", self, dom0s, true, 0);
    copy("to one to read", self, shown, false, 0);
    copy("over a page's end", self, ours, true, 4090);
    if (gk_gnt_map(self, &ours, 1, false, &at, &handle))
        gk_panic("errors: no mapping");
    said("gnt, end of one that is mapped", gk_gnt_end(ours));
    said("gnt, unmap", gk_gnt_unmap(at, &handle, 1));
    said("gnt, end of it then", gk_gnt_end(ours));
    uint32_t odd = 12345;
    at = gk_space_alloc(1);
    said("gnt, unmap of no handle", gk_gnt_unmap(at, &odd, 1));
    while (!(rc = gk_gnt_reserve(&last)) && count < 100000)
        count++;
    said("gnt, all references taken", rc);
}

static void store(void)
{
    static char big[5000];
    uint64_t number;
    gk_xs_tx tx;
    char *value;

    said("xs, no such node", gk_xs_read(GK_XS_NONE, "data/none", &value, NULL));
    said("xs, not ours", gk_xs_write(GK_XS_NONE, "/local/domain/0/name", "x"));
    said("xs, a path that is none", gk_xs_write(GK_XS_NONE, "data//x", "x"));
    said("xs, text as a number", gk_xs_read_u64(GK_XS_NONE, "name", &number));
    for (unsigned int i = 0; i + 1 < sizeof big; i++)
        big[i] = 'x';
    said("xs, 5000 bytes", gk_xs_write(GK_XS_NONE, "data/big", big));
    big[3000] = 0;
    said("xs, more than a node may have", gk_xs_write(GK_XS_NONE, "data/big", big));
    said("xs, no such transaction", gk_xs_end(4000000, true));
    if (gk_xs_begin(&tx) || gk_xs_read_u64(tx, "data/count", &number) != -XEN_ENOENT ||
        gk_xs_write(GK_XS_NONE, "data/count", "1"))
        gk_panic("errors: no transaction");
    said("xs, write in it", gk_xs_write(tx, "data/count", "2"));
    said("xs, end of what was disturbed", gk_xs_end(tx, true));
}

static void disk(void)
{
    static uint8_t sectors[1024];
    struct gk_blk *d, *e;
    struct gk_blk_info info;

    said("blk, no such disk", gk_blk_open("xvdz", gk_time_mono() + GK_S, &e));
    said("blk, open", gk_blk_open("xvda", gk_time_mono() + 60 * GK_S, &d));
    said("blk, open again", gk_blk_open("xvda", gk_time_mono() + GK_S, &e));
    gk_blk_info(d, &info);
    said("blk, read", gk_blk_read(d, 0, sectors, 1024));
    said("blk, half a sector", gk_blk_read(d, 0, sectors, 256));
    said("blk, between sectors", gk_blk_read(d, 256, sectors, 512));
    said("blk, over the end", gk_blk_read(d, info.size - 512, sectors, 1024));
    said("blk, beyond the end", gk_blk_read(d, info.size + 512, sectors, 512));
    said("blk, write to one to read", gk_blk_write(d, 0, sectors, 512));
    int rc = gk_blk_discard(d, 0, 512);
    said("blk, discard there",
         rc == (info.discard ? -XEN_EROFS : -XEN_EOPNOTSUPP) ? -XEN_EROFS : 0);
    said("blk, flush", gk_blk_flush(d));
    gk_blk_close(d);
}

static void channels(uint16_t self)
{
    static uint8_t bytes[4096];
    struct gk_chan *a, *b;
    uint64_t soon;

    said("chan, no name", gk_chan_serve(self, "a/b", &a));
    said("chan, not offered", gk_chan_connect(self, "none", gk_time_mono() + 100 * GK_MS, &a));
    said("chan, of nobody", gk_chan_connect(NOBODY, "none", gk_time_mono() + 100 * GK_MS, &a));
    said("chan, offer", gk_chan_serve(self, "ours", &a));
    said("chan, join", gk_chan_connect(self, "ours", gk_time_mono() + 10 * GK_S, &b));
    soon = gk_time_mono() + 100 * GK_MS;
    said("chan, nothing to read", gk_chan_read(b, bytes, 16, soon));
    long n = gk_chan_write(a, bytes, sizeof bytes, soon);
    said("chan, filled", n > 0 && n < 4096 ? 0 : -XEN_EINVAL);
    said("chan, full", gk_chan_write(a, bytes, 16, gk_time_mono() + 100 * GK_MS));
    gk_chan_close(a);
    said("chan, write after the other's end", gk_chan_write(b, bytes, 16, gk_time_mono() + GK_S));
    while ((n = gk_chan_read(b, bytes, sizeof bytes, gk_time_mono() + GK_S)) > 0)
        ;
    said("chan, read after the other's end", n);
    gk_chan_close(b);
}

static void at_end(void)
{
}

static void rest(void)
{
    char value[8];
    int rc = 0;

    said("kit, no such option", gk_option("none", value, sizeof value));
    for (unsigned int i = 0; i < 17 && !rc; i++)
        rc = gk_at_exit(at_end);
    said("kit, the 17th to call at the end", rc);
    said("vcpu, pin to none such", gk_vcpu_pin(7));
    gk_printf("errors: mem, more than there is: %s\n",
              gk_page_alloc(1UL << 20) || gk_alloc(1UL << 40) ? "fine" : "NULL");
    gk_printf("errors: mem, nothing: %s\n", gk_alloc(0) ? "fine" : "NULL");
}

int main(void)
{
    uint64_t self = gk_xs_read_or("domid", 0);

    events();
    store();
    disk();
    channels((uint16_t)self);
    rest();
    grants((uint16_t)self);
    gk_printf("errors: end\n");
    return 0;
}
