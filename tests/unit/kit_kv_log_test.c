/*
 * kv's log on a disk that stops after its n-th sector, for every n: what was committed is there
 * after the next start, and nothing else. Long enough to change halves several times.
 */
#include "check.h"

#include <stdlib.h>

#include "examples/kv/log.h"
#include "examples/kv/table.h"

#define DISK   (1024U + 2 * 3 * KV_BATCH)
#define KEYS   40
#define ROUNDS 60

static uint8_t disk[DISK];
static long left; /* sectors until it stops */
uint64_t kv_disk_size = DISK;

int kv_disk_open(void)
{
    return 0;
}

int kv_disk_read(uint64_t offset, void *bytes, size_t length)
{
    if (offset > DISK || length > DISK - offset || offset % KV_SECTOR || length % KV_SECTOR)
        return -1;
    memcpy(bytes, disk + offset, length);
    return 0;
}

/* Whole sectors arrive or none: in order, until the power goes. */
int kv_disk_write(uint64_t offset, const void *bytes, size_t length)
{
    if (offset > DISK || length > DISK - offset || offset % KV_SECTOR || length % KV_SECTOR)
        return -1;
    for (size_t at = 0; at < length; at += KV_SECTOR) {
        if (left-- <= 0)
            return -1;
        memcpy(disk + offset + at, (const uint8_t *)bytes + at, KV_SECTOR);
    }
    return 0;
}

int kv_disk_flush(void)
{
    return left > 0 ? 0 : -1;
}

/* What the store must hold: the value of key k is a number and a filling; 0: no such key. */
struct model {
    unsigned int value[KEYS];
};

static size_t value_of(unsigned int number, char *to)
{
    size_t size = 20 + number * 37 % 3000;
    memset(to, 'a' + (int)(number % 26), size);
    memcpy(to, &number, sizeof number);
    return size;
}

static bool holds(const struct model *model)
{
    size_t count = 0;
    for (unsigned int k = 0; k < KEYS; k++) {
        char key[16], want[4096];
        int n = snprintf(key, sizeof key, "key%u", k);
        struct kv_item *item = kv_find(key, (size_t)n);
        if (!model->value[k]) {
            if (item)
                return false;
            continue;
        }
        count++;
        size_t size = value_of(model->value[k], want);
        if (!item || item->value_size != size || memcmp(kv_value(item), want, size))
            return false;
    }
    return kv_count() == count;
}

/* One change of the model, the table and the log. False: the log refused. */
static bool act(struct model *model, unsigned int dice)
{
    char key[16], value[4096];
    unsigned int k = dice % KEYS;
    int n = snprintf(key, sizeof key, "key%u", k);
    if (dice / KEYS % 97 == 0) {
        memset(model, 0, sizeof *model);
        kv_clear();
        return kv_log_add(KV_CLEAR, NULL, 0, NULL, 0) == 0;
    }
    if (dice / KEYS % 5 == 0) {
        model->value[k] = 0;
        kv_del(key, (size_t)n);
        return kv_log_add(KV_DEL, key, (size_t)n, NULL, 0) == 0;
    }
    model->value[k] = dice | 1;
    size_t size = value_of(dice | 1, value);
    CHECK(kv_set(key, (size_t)n, value, size));
    return kv_log_add(KV_SET, key, (size_t)n, value, size) == 0;
}

/* Works until the disk stops or all is done. Returns how many sectors were written. */
static long run(long sectors)
{
    struct model now = {0}, committed = {0};
    bool stopped = false;
    memset(disk, 0, sizeof disk);
    left = sectors;
    srand(1);
    kv_clear();
    CHECK_EQ(kv_log_open(), 0);
    for (unsigned int round = 0; round < ROUNDS && !stopped; round++) {
        for (unsigned int i = 0; i < 8 && !stopped; i++)
            stopped = !act(&now, (unsigned int)rand());
        stopped = stopped || kv_log_commit();
        if (!stopped)
            committed = now;
    }
    long used = sectors - left;
    left = 1000000;
    kv_clear();
    CHECK_EQ(kv_log_open(), 0);
    /* The batch that was being written may be there whole, if only what came after it failed. */
    if (!CHECK(holds(&committed) || (stopped && holds(&now))))
        printf("  stopped after %ld sectors\n", sectors);
    return used;
}

int main(void)
{
    long all = run(1000000);
    printf("%ld sectors in all\n", all);
    CHECK(all > DISK / KV_SECTOR); /* it did go round */
    for (long n = 0; n < all; n += n < 400 ? 1 : 7)
        run(n);
    return check_result();
}
