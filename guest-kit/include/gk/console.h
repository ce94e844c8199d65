/*
 * The console as bytes. gk_printf() writes here too; '\n' goes out as "\r\n".
 */
#ifndef GK_CONSOLE_H
#define GK_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

/* Writes all bytes; waits for room in the ring. May block. */
void gk_console_write(const void *bytes, size_t length);
/* Never waits: what finds no room is kept in a buffer of 4 KiB, what finds none there is dropped.
 */
void gk_console_put(const void *bytes, size_t length);
/*
 * At least one byte and at most `size`; waits for it until the deadline (of gk_time_mono();
 * GK_FOREVER). Returns how many, 0 at the deadline. No echo, no line editing, '\r' as typed. May
 * block.
 */
size_t gk_console_read(void *bytes, size_t size, uint64_t deadline);
/* Waits until everything written has been taken by the other side, or the deadline. May block. */
void gk_console_flush(uint64_t deadline);

#endif
