/* kv's keys and values in memory: a chained hash table that grows. */
#ifndef GUEST_KIT_EXAMPLES_KV_TABLE_H
#define GUEST_KIT_EXAMPLES_KV_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv_item {
    struct kv_item *next;
    uint32_t hash, key_size, value_size, room; /* room: bytes that the value may have in place */
    char bytes[];                              /* the key, then the value */
};

static inline char *kv_value(struct kv_item *item)
{
    return item->bytes + item->key_size;
}

struct kv_item *kv_find(const char *key, size_t size);
/* False without memory; the old value is then still there. */
bool kv_set(const char *key, size_t key_size, const char *value, size_t value_size);
bool kv_del(const char *key, size_t size); /* false: there was none */
void kv_clear(void);
size_t kv_count(void);
/* Calls for each item until one call returns false; then false. */
bool kv_each(bool (*call)(struct kv_item *item, void *argument), void *argument);

#endif
