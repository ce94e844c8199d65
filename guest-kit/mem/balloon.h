/* The balloon, present only in programs that link it. */
#ifndef MEM_BALLOON_H
#define MEM_BALLOON_H

#include <stddef.h>

size_t kit_balloon_pages(void) __attribute__((weak));

#endif
