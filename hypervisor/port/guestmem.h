/* Guest memory by guest virtual address, in the page tables that are loaded now.
 *
 * Each byte is read or written exactly once; a fault, a non-canonical address or one in the
 * hypervisor's range makes the call return -XEN_EFAULT (part of the bytes may then have been
 * copied). The caller checks only its copy. Natively tested code finds fakes in tests/port/. */
#ifndef PORT_GUESTMEM_H
#define PORT_GUESTMEM_H

#include <stddef.h>
#include <stdint.h>

#define HV_VIRT_START 0xffff800000000000UL
#define HV_VIRT_END   0xffff880000000000UL

/* No byte of the range lies in the hypervisor's slots or the non-canonical hole. */
static inline int gaddr_ok(uint64_t va, uint64_t len)
{
    uint64_t end = va + len;

    if (end < va)
        return 0;
    return end <= 0x800000000000UL || va >= HV_VIRT_END;
}

static inline int canonical(uint64_t va)
{
    return va + 0x800000000000UL < 0x1000000000000UL;
}

/* The same of an access that begins at va and goes upwards without a gap: behind the lower half
 * lies the hole, where it faults, and behind the upper one the lower. In steps of 8 TiB the lower
 * half is 0 to 15, the hypervisor -16, what is above it -15 to -1. */
static inline int gaddr_start_ok(uint64_t va)
{
    return (uint64_t)(((int64_t)va >> 43) + 15) < 31;
}

#include "port_guestmem.h"
/* int guest_read(void *to, uint64_t va, size_t len); int guest_write(uint64_t va, const void *from,
 * size_t len); int guest_read32(uint32_t *to, uint64_t va);      one 4-byte access int
 * guest_read64(uint64_t *to, uint64_t va);      one 8-byte access int guest_write64(uint64_t va,
 * uint64_t value);   one 8-byte access int guest_write16(uint64_t va, uint16_t value);   one 2-byte
 * access */

#define GUEST_CODE_MAX 15 /* bytes of an instruction (Intel SDM vol. 2, 2.3.11) */

/* The instruction at rip, as far as it is there: up to the end of its page or of the next. Bytes
 * read. */
static inline size_t guest_fetch(uint8_t *code, uint64_t rip)
{
    size_t here = 4096 - (rip & 4095);

    if (here >= GUEST_CODE_MAX)
        return guest_read(code, rip, GUEST_CODE_MAX) ? 0 : GUEST_CODE_MAX;
    if (guest_read(code, rip, here))
        return 0;
    return guest_read(code + here, rip + here, GUEST_CODE_MAX - here) ? here : GUEST_CODE_MAX;
}

/* Copy a typed struct in or out of the guest address of an ABI handle's value. */
#define guest_get(obj, va) guest_read((obj), (va), sizeof(*(obj)))
#define guest_put(va, obj) guest_write((va), (obj), sizeof(*(obj)))

/* The address that an ABI guest handle carries; the only place where `.p` is looked at. */
#define HANDLE(h) ((uint64_t)(uintptr_t)(h).p)

#endif
