/* Save files: headers, records, checks (see stream.h). */
#include "lib/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char xl_magic[32] = "Xen saved domain, xl format\n \0 \r";

/* xl's header: numbers in the byte order of the machine that wrote it. */
struct xl_header {
    char magic[32];
    uint32_t byteorder, mandatory, optional, data_len;
};
enum { BYTEORDER = 0x01020304, XL_JSON = 1, XL_STREAM_V2 = 2 };

/* libxl's and libxc's headers are big-endian, and written out as bytes. */
static const uint8_t libxl_header[16] = {'L', 'i', 'b', 'x', 'l', 'F', 'm', 't', 0, 0, 0, 2};
static const uint8_t libxc_header[24] = {255, 255, 255, 255, 255, 255, 255, 255,
                                         'X', 'E', 'N', 'F', 0,   0,   0,   3};
struct domain_header {
    uint32_t type;
    uint16_t page_shift, reserved;
    uint32_t xen_major, xen_minor;
};
struct rec_header {
    uint32_t type, length;
};
struct sum {
    char magic[8];
    uint64_t bytes;
    uint32_t crc, zero;
};
enum { LIBXL_END = 0, LIBXL_LIBXC = 1 };

/* --- writing -------------------------------------------------------------------------------- */

static void out(struct stream *s, const void *p, size_t n)
{
    if (!n)
        return;
    s->crc = (uint32_t)crc32_z(s->crc, p, n);
    s->at += n;
    fwrite(p, 1, n, s->f);
}

void stream_put(struct stream *s, uint32_t type, const void *a, size_t a_len, const void *b,
                size_t b_len)
{
    static const uint8_t zero[8];
    struct rec_header h = {.type = type, .length = (uint32_t)(a_len + b_len)};
    out(s, &h, sizeof h);
    out(s, a, a_len);
    out(s, b, b_len);
    out(s, zero, -h.length & 7);
}

void stream_begin(struct stream *s, FILE *f, const char *config)
{
    uint32_t len = (uint32_t)strlen(config) + 1;
    struct xl_header x = {.byteorder = BYTEORDER,
                          .mandatory = XL_JSON | XL_STREAM_V2,
                          .data_len = len + (uint32_t)sizeof len};
    struct domain_header d = {.type = 1, .page_shift = 12, .xen_major = 4, .xen_minor = 17};
    struct rec_header h = {.type = LIBXL_LIBXC};
    memset(s, 0, sizeof *s);
    s->f = f;
    memcpy(x.magic, xl_magic, sizeof x.magic);
    out(s, &x, sizeof x);
    out(s, &len, sizeof len);
    out(s, config, len);
    out(s, libxl_header, sizeof libxl_header);
    out(s, &h, sizeof h);
    out(s, libxc_header, sizeof libxc_header);
    out(s, &d, sizeof d);
    stream_put(s, REC_AXL_MARK, "AXLMARK1", 8, NULL, 0);
}

int stream_end(struct stream *s, struct why *w)
{
    struct sum sum = {.magic = "AXLSUM1", .bytes = s->at, .crc = s->crc};
    struct rec_header end = {.type = LIBXL_END};
    stream_put(s, REC_AXL_SUM, &sum, sizeof sum, NULL, 0);
    stream_put(s, REC_END, NULL, 0, NULL, 0);
    out(s, &end, sizeof end);
    errno = 0;
    if (ferror(s->f) || fflush(s->f) || (fsync(fileno(s->f)) && errno != EINVAL && errno != EROFS))
        return why(w, errno ? -errno : -EIO, "cannot write it: %s",
                   errno ? strerror(errno) : "is the disk full?");
    return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

static int in(struct stream *s, void *p, size_t n, struct why *w)
{
    if (n && fread(p, 1, n, s->f) != n)
        return why(w, -EINVAL, "the file is cut short after %llu bytes", (unsigned long long)s->at);
    s->crc = (uint32_t)crc32_z(s->crc, p, n);
    s->at += n;
    return 0;
}

static int open_xl(struct stream *s, char **config, struct why *w)
{
    struct xl_header x;
    uint32_t len;
    if (fread(&x, 1, sizeof x, s->f) != sizeof x || memcmp(x.magic, xl_magic, sizeof x.magic) != 0)
        return why(w, -EINVAL, "not a saved domain (neither axl nor xl wrote it)");
    s->crc = (uint32_t)crc32_z(0, (const uint8_t *)&x, sizeof x);
    s->at = sizeof x;
    if (x.byteorder != BYTEORDER)
        return why(w, -EINVAL, "saved on a machine of another byte order");
    if (x.mandatory & ~(uint32_t)(XL_JSON | XL_STREAM_V2))
        return why(w, -EOPNOTSUPP, "has features that are not known here (flags 0x%x)",
                   x.mandatory);
    if (x.mandatory != (XL_JSON | XL_STREAM_V2))
        return why(w, -EOPNOTSUPP, "of an older format (before Xen 4.6): not supported");
    if (x.data_len < 4 || x.data_len > STREAM_CONFIG)
        return why(w, -EINVAL, "damaged: a configuration of %u bytes", x.data_len);
    int rc = in(s, &len, sizeof len, w);
    if (rc)
        return rc;
    if (len > x.data_len - 4)
        return why(w, -EINVAL, "damaged: a configuration of %u in %u bytes", len, x.data_len);
    *config = calloc(1, (size_t)x.data_len + 1);
    if (!*config)
        return why(w, -ENOMEM, "out of memory");
    rc = in(s, *config, x.data_len - 4, w);
    (*config)[len] = 0;
    return rc;
}

static int open_streams(struct stream *s, struct why *w)
{
    uint8_t l[16], c[24];
    struct rec_header h;
    struct domain_header d;
    int rc;
    if ((rc = in(s, l, sizeof l, w)))
        return rc;
    if (memcmp(l, libxl_header, 8) != 0)
        return why(w, -EINVAL, "damaged: no libxl stream behind the configuration");
    if (memcmp(l + 8, libxl_header + 8, 4) != 0 || l[15] & 1)
        return why(w, -EOPNOTSUPP, "a libxl stream of another version or byte order");
    if ((rc = in(s, &h, sizeof h, w)))
        return rc;
    if (h.type != LIBXL_LIBXC || h.length)
        return why(w, -EINVAL, "damaged: the domain's own stream is not where it should be");
    if ((rc = in(s, c, sizeof c, w)) || (rc = in(s, &d, sizeof d, w)))
        return rc;
    if (memcmp(c, libxc_header, 12) != 0)
        return why(w, -EINVAL, "damaged: the domain's own stream has no header");
    if (c[12] || c[13] || c[14] || (c[15] != 2 && c[15] != 3) || c[17] & 1)
        return why(w, -EOPNOTSUPP, "a domain stream of version %u; 2 and 3 are known", c[15]);
    if (d.type != 1)
        return why(w, -EOPNOTSUPP, "not a PV guest's (type %u)", d.type);
    if (d.page_shift != 12)
        return why(w, -EOPNOTSUPP, "pages of 2^%u bytes", d.page_shift);
    return 0;
}

int stream_open(struct stream *s, FILE *f, char **config, struct why *w)
{
    memset(s, 0, sizeof *s);
    s->f = f;
    *config = NULL;
    int rc = open_xl(s, config, w);
    if (!rc)
        rc = open_streams(s, w);
    if (rc) {
        free(*config);
        *config = NULL;
    }
    return rc;
}

void stream_close(struct stream *s)
{
    free(s->body);
    s->body = NULL;
    s->room = 0;
}

/* The body and its padding; the buffer grows to the largest record there was. */
static int read_body(struct stream *s, uint32_t length, struct why *w)
{
    size_t padded = ((size_t)length + 7) & ~(size_t)7;
    if (length > STREAM_BODY)
        return why(w, -EINVAL, "damaged: a record of %u bytes at %llu", length,
                   (unsigned long long)s->at);
    if (padded > s->room) {
        uint8_t *more = realloc(s->body, padded);
        if (!more)
            return why(w, -ENOMEM, "out of memory");
        s->body = more;
        s->room = padded;
    }
    return in(s, s->body, padded, w);
}

/* Behind libxc's END: libxl's records up to its END. Checkpoints belong to live migration. */
static int read_tail(struct stream *s, struct why *w)
{
    for (;;) {
        struct rec_header h;
        int rc = in(s, &h, sizeof h, w);
        if (!rc)
            rc = read_body(s, h.length, w);
        if (rc)
            return rc;
        if (h.type == LIBXL_END)
            break;
        if (!(h.type & REC_OPTIONAL) && h.type != 2)
            return why(w, -EOPNOTSUPP, "a libxl record of type 0x%x, which a PV guest has not",
                       h.type);
    }
    if (s->marked && !s->summed)
        return why(w, -EINVAL, "damaged: its checksum is missing");
    return 0;
}

static int check_sum(struct stream *s, const struct rec_header *h, uint64_t at, uint32_t crc,
                     struct why *w)
{
    struct sum sum;
    if (h->length != sizeof sum)
        return why(w, -EINVAL, "damaged: its checksum record has %u bytes", h->length);
    memcpy(&sum, s->body, sizeof sum);
    if (memcmp(sum.magic, "AXLSUM1", 8) != 0 || sum.zero || sum.bytes != at || sum.crc != crc)
        return why(w, -EINVAL, "damaged: its contents do not match its checksum");
    s->summed = true;
    return 0;
}

int stream_next(struct stream *s, struct record *r, struct why *w)
{
    for (;;) {
        struct rec_header h;
        uint64_t at = s->at;
        uint32_t crc = s->crc;
        int rc = in(s, &h, sizeof h, w);
        if (!rc)
            rc = read_body(s, h.length, w);
        if (rc)
            return rc;
        if (h.type == REC_AXL_SUM)
            rc = check_sum(s, &h, at, crc, w);
        else if (h.type == REC_AXL_MARK)
            s->marked = true;
        else if (s->summed && h.type != REC_END)
            rc = why(w, -EINVAL, "damaged: a record behind the checksum");
        if (rc)
            return rc;
        if (h.type & REC_OPTIONAL)
            continue;
        *r = (struct record){.type = h.type, .length = h.length, .body = s->body};
        return h.type == REC_END ? read_tail(s, w) : 0;
    }
}

/* --- bodies --------------------------------------------------------------------------------- */

int stream_page_data(const struct record *r, uint64_t max_pfn, struct page_data *o, struct why *w)
{
    uint32_t nr, with = 0;
    if (r->length < 8)
        return why(w, -EINVAL, "damaged: a page record of %u bytes", r->length);
    memcpy(&nr, r->body, 4);
    if (!nr || nr > STREAM_PAGES || (size_t)nr * 8 > r->length - 8)
        return why(w, -EINVAL, "damaged: %u pages in a record of %u bytes", nr, r->length);
    /* The body is malloced memory: aligned for 64-bit words. */
    const uint64_t *e = (const uint64_t *)(const void *)(r->body + 8);
    for (uint32_t i = 0; i < nr; i++) {
        unsigned t = page_type(e[i]);
        if ((t > PAGE_L4 && t < 9) || e[i] >> 52 & 0xff)
            return why(w, -EINVAL, "damaged: a page of unknown type %u", t);
        if (page_pfn(e[i]) > max_pfn)
            return why(w, -EINVAL, "damaged: page %llu, beyond the guest's last (%llu)",
                       (unsigned long long)page_pfn(e[i]), (unsigned long long)max_pfn);
        with += page_has_contents(t);
    }
    if (r->length - 8 - (size_t)nr * 8 != (size_t)with * 4096)
        return why(w, -EINVAL, "damaged: %u pages' contents in a record of %u bytes", with,
                   r->length);
    *o = (struct page_data){.nr = nr, .entry = e, .pages = (const uint8_t *)(e + nr)};
    return 0;
}

int stream_p2m_frames(const struct record *r, struct p2m_frames *o, struct why *w)
{
    uint32_t v[2];
    if (r->length < 8)
        return why(w, -EINVAL, "damaged: a p2m record of %u bytes", r->length);
    memcpy(v, r->body, 8);
    /* 2^28 pages: a guest of 1 TiB. */
    if (v[0] > v[1] || v[1] >= 1u << 28 || v[0] % 512)
        return why(w, -EINVAL, "damaged: p2m frames for pages %u to %u", v[0], v[1]);
    uint32_t nr = v[1] / 512 - v[0] / 512 + 1;
    if (r->length - 8 != (size_t)nr * 8)
        return why(w, -EINVAL, "damaged: %u p2m frames in a record of %u bytes", nr, r->length);
    *o = (struct p2m_frames){
        .start = v[0], .end = v[1], .nr = nr, .pfn = (const uint64_t *)(const void *)(r->body + 8)};
    return 0;
}
