/*
 * Whatever bytes axl reads from people and files: configuration text, JSON, disk and vif lines,
 * cpu sets, save files, kernel images. The first byte chooses which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gconf.h"
#include "lib/flat.h"
#include "lib/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void stream(const uint8_t *p, size_t n)
{
    struct stream s;
    struct record r;
    struct why w;
    char *config;
    FILE *f = fmemopen((void *)(uintptr_t)p, n, "r");
    if (!f)
        return;
    int rc = stream_open(&s, f, &config, &w);
    while (!rc && !(rc = stream_next(&s, &r, &w)) && r.type != REC_END) {
        struct page_data d;
        struct p2m_frames m;
        if (r.type == REC_PAGE_DATA)
            rc = stream_page_data(&r, 1000, &d, &w);
        if (r.type == REC_PV_P2M_FRAMES)
            rc = stream_p2m_frames(&r, &m, &w);
    }
    free(config);
    stream_close(&s);
    fclose(f);
}

/* What one side makes of a file the other must take. */
static void kernel(const uint8_t *p, size_t n)
{
    static uint8_t room[4 << 20];
    struct image i;
    struct flat f = {.done = 1};
    struct why w;
    if (image_parse(&i, p, n, room, sizeof room, &w))
        return;
    flat_make(&f, &i);
    if (flat_check(&f, n, sizeof room, &w))
        abort();
}

/* A description that somebody else wrote: what is taken stays in its bounds. */
static void lies(const uint8_t *p, size_t n)
{
    struct flat f = {.done = 1};
    struct why w;
    memcpy(&f, p, n < sizeof f ? n : sizeof f);
    if (flat_check(&f, 5000, 9000, &w))
        return;
    const uint64_t source = f.unpacked ? 9000 : 5000, size = range_length(f.notes.kernel);
    for (uint32_t i = 0; i < f.nr_parts; i++)
        if (f.part[i].offset + f.part[i].file > source || f.part[i].at + f.part[i].mem > size)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct why w;
    struct gconf g;
    struct gconf_disk d;
    struct gconf_nic n;
    struct cpus c;
    if (size < 2 || size > 1 << 16)
        return 0;
    char *text = calloc(1, size);
    memcpy(text, data + 1, size - 1);
    gconf_init(&g);
    switch (data[0] % 8) {
    case 0:
        gconf_from_cfg(&g, "f", text, size - 1, NULL, &w);
        break;
    case 1:
        gconf_from_json(&g, "f", text, &w);
        break;
    case 2:
        if (gconf_disk_parse(&d, text, &w) == 0)
            gconf_disk_free(&d);
        break;
    case 3:
        if (gconf_nic_parse(&n, text, &w) == 0)
            gconf_nic_free(&n);
        break;
    case 4:
        cpus_parse(&c, text);
        break;
    case 5:
        stream(data + 1, size - 1);
        break;
    case 6:
        kernel(data + 1, size - 1);
        break;
    default:
        lies(data + 1, size - 1);
        break;
    }
    gconf_free(&g);
    free(text);
    return 0;
}
