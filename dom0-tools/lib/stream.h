/*
 * Save files: xl's header with the configuration, libxl's stream v2, in it libxc's migration
 * stream v3 (docs/specs in Xen's sources). Reading checks every length and type before use; pure
 * but for the FILE it reads from or writes to.
 *
 * Files written here carry two optional records that stock tools pass over: a mark at the start,
 * and before the end the number and CRC-32 of all bytes before it. A file with the mark and
 * without a right sum is refused.
 */
#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/why.h"

enum stream_type {
    REC_END = 0x0,
    REC_PAGE_DATA = 0x1,
    REC_PV_INFO = 0x2,
    REC_PV_P2M_FRAMES = 0x3,
    REC_PV_VCPU_BASIC = 0x4,
    REC_PV_VCPU_EXTENDED = 0x5,
    REC_PV_VCPU_XSAVE = 0x6,
    REC_SHARED_INFO = 0x7,
    REC_TSC_INFO = 0x8,
    REC_PV_VCPU_MSRS = 0xc,
    REC_VERIFY = 0xd,
    REC_STATIC_DATA_END = 0x10,
    REC_CPUID_POLICY = 0x11,
    REC_MSR_POLICY = 0x12,
};
#define REC_OPTIONAL 0x80000000u
#define REC_AXL_MARK 0xc1584c01u
#define REC_AXL_SUM  0xc1584c02u

enum { STREAM_BODY = 24 << 20, STREAM_CONFIG = 1 << 20, STREAM_PAGES = 4096 };

/* Page types of PAGE_DATA, bits 63..60 of an entry. */
enum {
    PAGE_NOTAB = 0,
    PAGE_L1 = 1,
    PAGE_L4 = 4,
    PAGE_PIN = 8,
    PAGE_BROKEN = 13,
    PAGE_ALLOC = 14,
    PAGE_NONE = 15
};

struct stream {
    FILE *f;
    uint64_t at; /* bytes read or written */
    uint32_t crc;
    bool marked, summed; /* reading: the two records were seen (and right) */
    uint8_t *body;       /* of the last record, valid until the next */
    size_t room;
};

struct record {
    uint32_t type, length;
    const uint8_t *body;
};

/* --- writing (errors are sticky in the FILE; stream_end reports them) ------------------------ */
void stream_begin(struct stream *s, FILE *f, const char *config);
void stream_put(struct stream *s, uint32_t type, const void *a, size_t a_len, const void *b,
                size_t b_len);
/* Sum, ends, flush to disk. */
int stream_end(struct stream *s, struct why *w);

/* --- reading -------------------------------------------------------------------------------- */
/* Reads all headers; *config is the JSON text, malloced. */
int stream_open(struct stream *s, FILE *f, char **config, struct why *w);
/* The next record; at REC_END all that must follow and the sum have been checked. */
int stream_next(struct stream *s, struct record *r, struct why *w);
void stream_close(struct stream *s);

/* --- bodies --------------------------------------------------------------------------------- */
struct page_data {
    uint32_t nr;
    const uint64_t *entry; /* nr of them: type << 60 | pfn */
    const uint8_t *pages;  /* of those that have contents, in order */
};
static inline unsigned page_type(uint64_t entry)
{
    return (unsigned)(entry >> 60);
}
static inline uint64_t page_pfn(uint64_t entry)
{
    return entry & ((UINT64_C(1) << 52) - 1);
}
static inline bool page_has_contents(unsigned type)
{
    return type < PAGE_BROKEN;
}
int stream_page_data(const struct record *r, uint64_t max_pfn, struct page_data *out,
                     struct why *w);
/* The p2m frames record: inclusive range of pfns and the pfns of the list's own frames. */
struct p2m_frames {
    uint32_t start, end;
    const uint64_t *pfn;
    uint32_t nr;
};
int stream_p2m_frames(const struct record *r, struct p2m_frames *out, struct why *w);

#endif
