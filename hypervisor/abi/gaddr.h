/*
 * Guest addresses as a type that cannot be dereferenced. A XEN_GUEST_HANDLE is a struct with a
 * live pointer inside; the hypercall layer turns it into a gaddr at the door and nothing else
 * touches the pointer. Also crosses the door the other way, for the few structs we fill in.
 */
#ifndef ABI_GADDR_H
#define ABI_GADDR_H

#include <stdbool.h>
#include <stdint.h>

struct gaddr {
    uint64_t va;
};

/* Takes a handle lvalue (XEN_GUEST_HANDLE, _PARAM or _64). */
#define GADDR_OF_HANDLE(handle) ((struct gaddr){(uint64_t)(uintptr_t)(handle).p})

#define GADDR_NULL ((struct gaddr){0})

static inline struct gaddr gaddr_make(uint64_t va)
{
    return (struct gaddr){va};
}

static inline bool gaddr_is_null(struct gaddr a)
{
    return a.va == 0;
}

/* The address `offset` bytes on; may wrap: whoever copies checks the whole range. */
static inline struct gaddr gaddr_add(struct gaddr a, uint64_t offset)
{
    return (struct gaddr){a.va + offset};
}

/* Address of element `index` of an array of `size`-byte elements. Wraps likewise. */
static inline struct gaddr gaddr_index(struct gaddr a, uint64_t index, uint64_t size)
{
    return (struct gaddr){a.va + index * size};
}

#endif
