/* kv's log: see log.h. */
#include "examples/kv/log.h"

#include <string.h>

#include "examples/kv/table.h"

#define HEAD_MAGIC  0x6b76686561643031ULL
#define BATCH_MAGIC 0x6b76626174636831ULL
#define FIRST       (2U * KV_SECTOR)

struct head {
    uint64_t magic, generation, half, checksum; /* of the fields before it */
};
struct batch {
    uint64_t magic, generation, number, length, checksum; /* of the fields before it, and `length`
                                                             bytes behind it */
};
struct change {
    uint32_t kind, key_size, value_size;
};

static union {
    struct batch head;
    char bytes[KV_BATCH];
} buffer;
static size_t used = sizeof(struct batch);
static uint64_t generation, number, half, at; /* at: of the next batch, from the half's begin */

static uint64_t checksum(const void *bytes, size_t length, uint64_t sum)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ p[i]) * 0x100000001b3ULL;
    return sum ^ sum >> 29;
}

static uint64_t batch_sum(void)
{
    uint64_t sum = checksum(&buffer.head, offsetof(struct batch, checksum), 1);
    return checksum(buffer.bytes + sizeof(struct batch), buffer.head.length, sum);
}

static uint64_t half_size(void)
{
    return (kv_disk_size - FIRST) / 2 / KV_SECTOR * KV_SECTOR;
}

static uint64_t place(void)
{
    return FIRST + half * half_size() + at;
}

/* ---- reading ---- */

/* Makes one batch's changes. False: it is not what it says. */
static bool apply(void)
{
    const char *p = buffer.bytes + sizeof(struct batch), *end = p + buffer.head.length;
    while (p < end) {
        struct change change;
        if ((size_t)(end - p) < sizeof change)
            return false;
        memcpy(&change, p, sizeof change);
        p += sizeof change;
        if (change.key_size > (size_t)(end - p) ||
            change.value_size > (size_t)(end - p) - change.key_size)
            return false;
        const char *value = p + change.key_size;
        if (change.kind == KV_SET && !kv_set(p, change.key_size, value, change.value_size))
            return false;
        if (change.kind == KV_DEL)
            kv_del(p, change.key_size);
        if (change.kind == KV_CLEAR)
            kv_clear();
        p = value + change.value_size;
    }
    return true;
}

static size_t sectors(size_t bytes)
{
    return (bytes + KV_SECTOR - 1) / KV_SECTOR * KV_SECTOR;
}

/* The batch at the end of what was read. 1: applied; 0: none, the log ends; -1: the disk fails. */
static int replay_one(void)
{
    if (half_size() - at < KV_SECTOR)
        return 0;
    if (kv_disk_read(place(), buffer.bytes, KV_SECTOR))
        return -1;
    const struct batch *head = &buffer.head;
    if (head->magic != BATCH_MAGIC || head->generation != generation || head->number != number ||
        head->length > KV_BATCH - sizeof *head)
        return 0;
    size_t whole = sectors(sizeof *head + head->length);
    if (whole > half_size() - at)
        return 0;
    if (whole > KV_SECTOR &&
        kv_disk_read(place() + KV_SECTOR, buffer.bytes + KV_SECTOR, whole - KV_SECTOR))
        return -1;
    if (head->checksum != batch_sum())
        return 0;
    if (!apply())
        return -1;
    at += whole;
    number++;
    return 1;
}

int kv_log_open(void)
{
    union {
        struct head head;
        char bytes[KV_SECTOR];
    } sector;
    int got = 1;
    if (kv_disk_size < FIRST + 4ULL * KV_BATCH)
        return -1;
    generation = half = at = number = 0;
    for (unsigned int i = 0; i < 2; i++) {
        if (kv_disk_read(i * KV_SECTOR, sector.bytes, KV_SECTOR))
            return -1;
        const struct head *head = &sector.head;
        if (head->magic == HEAD_MAGIC && head->half < 2 && head->generation > generation &&
            head->checksum == checksum(head, offsetof(struct head, checksum), 1)) {
            generation = head->generation;
            half = head->half;
        }
    }
    while (got > 0)
        got = replay_one();
    used = sizeof(struct batch);
    return got;
}

/* ---- writing ---- */

static int write_batch(void)
{
    size_t whole = sectors(used);
    buffer.head = (struct batch){.magic = BATCH_MAGIC,
                                 .generation = generation,
                                 .number = number,
                                 .length = used - sizeof(struct batch)};
    buffer.head.checksum = batch_sum();
    memset(buffer.bytes + used, 0, whole - used);
    if (whole > half_size() - at || kv_disk_write(place(), buffer.bytes, whole))
        return -1;
    at += whole;
    number++;
    used = sizeof(struct batch);
    return 0;
}

static void put(enum kv_change kind, const char *key, size_t key_size, const char *value,
                size_t value_size)
{
    struct change change = {kind, (uint32_t)key_size, (uint32_t)value_size};
    memcpy(buffer.bytes + used, &change, sizeof change);
    used += sizeof change;
    if (key_size) /* both may be NULL when there is none */
        memcpy(buffer.bytes + used, key, key_size);
    used += key_size;
    if (value_size)
        memcpy(buffer.bytes + used, value, value_size);
    used += value_size;
}

static bool write_item(struct kv_item *item, void *argument)
{
    (void)argument;
    if (used + sizeof(struct change) + item->key_size + item->value_size > KV_BATCH &&
        write_batch())
        return false;
    put(KV_SET, item->bytes, item->key_size, kv_value(item), item->value_size);
    return true;
}

/* All that there is, to the other half; then the head that makes it count. */
static int compact(void)
{
    union {
        struct head head;
        char bytes[KV_SECTOR];
    } sector = {.bytes = {0}};
    half ^= 1;
    generation++;
    at = number = 0;
    used = sizeof(struct batch);
    if (!kv_each(write_item, NULL) || write_batch() || kv_disk_flush())
        return -1;
    sector.head = (struct head){.magic = HEAD_MAGIC, .generation = generation, .half = half};
    sector.head.checksum = checksum(&sector.head, offsetof(struct head, checksum), 1);
    if (kv_disk_write((generation & 1) * KV_SECTOR, sector.bytes, KV_SECTOR))
        return -1;
    return kv_disk_flush();
}

int kv_log_commit(void)
{
    if (used == sizeof(struct batch))
        return 0;
    /* The table has these changes already, so writing it all writes them as well. */
    if (sectors(used) > half_size() - at)
        return compact();
    return write_batch();
}

int kv_log_add(enum kv_change change, const char *key, size_t key_size, const char *value,
               size_t value_size)
{
    size_t size = sizeof(struct change) + key_size + value_size;
    if (size > KV_BATCH - sizeof(struct batch))
        return -1;
    if (used + size > KV_BATCH && kv_log_commit())
        return -1;
    put(change, key, key_size, value, value_size);
    return 0;
}
