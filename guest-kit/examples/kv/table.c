/* kv's hash table. */
#include "examples/kv/table.h"

#include <stdlib.h>
#include <string.h>

static struct kv_item **buckets;
static size_t bucket_count, item_count;

static uint32_t hash_of(const char *key, size_t size)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)key[i]) * 0x100000001b3ULL;
    return (uint32_t)(h ^ h >> 32);
}

static struct kv_item **place(const char *key, size_t size, uint32_t hash)
{
    struct kv_item **at = &buckets[hash & (bucket_count - 1)];
    while (*at &&
           ((*at)->hash != hash || (*at)->key_size != size || memcmp((*at)->bytes, key, size)))
        at = &(*at)->next;
    return at;
}

/* Without memory for more buckets the chains get longer, that is all. */
static bool grow(void)
{
    size_t count = bucket_count ? bucket_count * 2 : 256;
    struct kv_item **bigger = calloc(count, sizeof *bigger);
    if (!bigger)
        return bucket_count != 0;
    for (size_t i = 0; i < bucket_count; i++)
        for (struct kv_item *item = buckets[i], *next; item; item = next) {
            next = item->next;
            item->next = bigger[item->hash & (count - 1)];
            bigger[item->hash & (count - 1)] = item;
        }
    free(buckets);
    buckets = bigger;
    bucket_count = count;
    return true;
}

struct kv_item *kv_find(const char *key, size_t size)
{
    return bucket_count ? *place(key, size, hash_of(key, size)) : NULL;
}

bool kv_set(const char *key, size_t key_size, const char *value, size_t value_size)
{
    if (item_count >= bucket_count && !grow())
        return false;
    uint32_t hash = hash_of(key, key_size);
    struct kv_item **at = place(key, key_size, hash), *old = *at;
    if (old && old->room >= value_size) {
        memmove(kv_value(old), value, value_size);
        old->value_size = (uint32_t)value_size;
        return true;
    }
    size_t room = (value_size + 7) & ~(size_t)7;
    struct kv_item *item = malloc(sizeof *item + key_size + room);
    if (!item)
        return false;
    *item = (struct kv_item){.next = old ? old->next : NULL,
                             .hash = hash,
                             .key_size = (uint32_t)key_size,
                             .value_size = (uint32_t)value_size,
                             .room = (uint32_t)room};
    memcpy(item->bytes, key, key_size);
    memcpy(kv_value(item), value, value_size);
    *at = item;
    item_count += !old;
    free(old);
    return true;
}

bool kv_del(const char *key, size_t size)
{
    struct kv_item **at = bucket_count ? place(key, size, hash_of(key, size)) : NULL;
    struct kv_item *item = at ? *at : NULL;
    if (!item)
        return false;
    *at = item->next;
    item_count--;
    free(item);
    return true;
}

void kv_clear(void)
{
    for (size_t i = 0; i < bucket_count; i++)
        while (buckets[i]) {
            struct kv_item *item = buckets[i];
            buckets[i] = item->next;
            free(item);
        }
    item_count = 0;
}

size_t kv_count(void)
{
    return item_count;
}

bool kv_each(bool (*call)(struct kv_item *item, void *argument), void *argument)
{
    for (size_t i = 0; i < bucket_count; i++)
        for (struct kv_item *item = buckets[i]; item; item = item->next)
            if (!call(item, argument))
                return false;
    return true;
}
