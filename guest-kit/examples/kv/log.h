/*
 * kv's data on disk: a log of batches of changes, replayed at the start.
 *
 * Sectors 0 and 1 hold a head each; the one with the higher generation and a right checksum counts.
 * It says which half of the rest is the log. A batch begins on a sector, carries generation, number
 * and checksum, and so ends the log if it was not written whole. When a half is full, everything is
 * written to the other half under the next generation, and then a head that says so.
 */
#ifndef GUEST_KIT_EXAMPLES_KV_LOG_H
#define GUEST_KIT_EXAMPLES_KV_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_SECTOR 512U
#define KV_BATCH  (64U * 1024) /* bytes; one change must fit */

enum kv_change { KV_SET = 1, KV_DEL, KV_CLEAR };

/* The disk below, made by whoever links this: whole sectors; 0 or not. */
int kv_disk_open(void);
extern uint64_t kv_disk_size; /* bytes */
int kv_disk_read(uint64_t offset, void *bytes, size_t length);
int kv_disk_write(uint64_t offset, const void *bytes, size_t length);
int kv_disk_flush(void);

/* Reads what is there into the table (a new disk has nothing). 0, or -1: the disk fails or is too
 * small. */
int kv_log_open(void);
/* Remembers a change for the next kv_log_commit(). -1: too big, or the disk fails. */
int kv_log_add(enum kv_change change, const char *key, size_t key_size, const char *value,
               size_t value_size);
/* Writes what was added. After 0 it survives the end of the guest, after a flush of the machine. */
int kv_log_commit(void);

#endif
