/*
 * Save files: what is written is read back; a file cut at any byte or with any byte of the first
 * kilobytes altered is refused (or, where nothing depends on the byte, read to the same end).
 */
#include <stdlib.h>

#include "lib/stream.h"
#include "unit/check.h"

enum { ROOM = 64 << 10 };

static size_t write_file(char *buf)
{
    static uint8_t pages[8192];
    const uint64_t head[3] = {2, UINT64_C(0) << 60 | 5, UINT64_C(12) << 60 | 6};
    const uint32_t range[2] = {0, 700};
    const uint64_t frames[2] = {1, 2};
    struct stream s;
    struct why w = {""};
    FILE *f = fmemopen(buf, ROOM, "w");
    memset(pages, 0x5a, sizeof pages);
    stream_begin(&s, f, "{\"a\": 1}");
    stream_put(&s, REC_PV_INFO, "\10\4\0\0\0\0\0", 8, NULL, 0);
    stream_put(&s, REC_STATIC_DATA_END, NULL, 0, NULL, 0);
    stream_put(&s, REC_PV_P2M_FRAMES, range, sizeof range, frames, sizeof frames);
    stream_put(&s, REC_PAGE_DATA, head, sizeof head, pages, sizeof pages);
    stream_put(&s, REC_PV_VCPU_BASIC, "odd", 3, NULL, 0);
    stream_end(&s, &w); /* fsync of memory fails harmlessly */
    size_t n = s.at;
    fclose(f);
    return n;
}

/* Reads all; how many records, or < 0. */
static int read_file(const char *buf, size_t n, struct why *w)
{
    char *config, *copy = malloc(n ? n : 1);
    memcpy(copy, buf, n);
    FILE *f = fmemopen(copy, n ? n : 1, "r");
    struct stream s;
    struct record r;
    int count = 0, rc = stream_open(&s, f, &config, w);
    while (!rc && !(rc = stream_next(&s, &r, w)) && r.type != REC_END) {
        struct page_data d;
        struct p2m_frames p;
        count++;
        if (r.type == REC_PAGE_DATA)
            rc = stream_page_data(&r, 700, &d, w);
        if (r.type == REC_PV_P2M_FRAMES)
            rc = stream_p2m_frames(&r, &p, w);
    }
    if (!rc && !s.summed)
        rc = -1;
    free(config);
    stream_close(&s);
    fclose(f);
    free(copy);
    return rc ? rc : count;
}

int main(void)
{
    char *buf = calloc(1, ROOM);
    struct why w = {""};
    size_t n = write_file(buf);
    if (!CHECK_EQ(read_file(buf, n, &w), 5))
        printf("  %s\n", w.text);
    for (size_t cut = 0; cut < n; cut += cut < 700 ? 1 : 61)
        if (!CHECK(read_file(buf, cut, &w) < 0))
            printf("  cut at %zu\n", cut);
    /* The last 16 bytes are the two ENDs; behind the sum only their types matter. */
    for (size_t at = 0; at < n; at += at < 700 || at > n - 64 ? 1 : 37) {
        buf[at] = (char)(buf[at] ^ 0x40);
        if (read_file(buf, n, &w) >= 0 && at < n - 16)
            if (!CHECK(false))
                printf("  altered at %zu of %zu\n", at, n);
        buf[at] = (char)(buf[at] ^ 0x40);
    }
    struct page_data d;
    struct p2m_frames p;
    const uint64_t one[2] = {1, UINT64_C(15) << 60 | 3};
    struct record r = {.type = REC_PAGE_DATA, .length = 16, .body = (const void *)one};
    CHECK_EQ(stream_page_data(&r, 3, &d, &w), 0);
    CHECK(stream_page_data(&r, 2, &d, &w) < 0);
    r.length = 8;
    CHECK(stream_page_data(&r, 3, &d, &w) < 0);
    CHECK(stream_p2m_frames(&r, &p, &w) < 0);
    free(buf);
    return check_result();
}
