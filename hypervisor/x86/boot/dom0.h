/* Building domain 0. */
#ifndef X86_BOOT_DOM0_H
#define X86_BOOT_DOM0_H

#include "core/dom/domain.h"

struct dom0_request {
    const void *kernel; /* an unpacked ELF */
    uint64_t kernel_len;
    const void *initrd; /* NULL: none */
    uint64_t initrd_len;
    const char *args;      /* the kernel's command line */
    uint64_t pages;        /* of dom0 */
    void (*release)(void); /* called when kernel and initrd are no longer needed: frees them */
};

/* Fills dom0, which has its vcpu 0 and no memory, and makes it ready to run; stop()s on failure. */
void dom0_build(struct domain *d, const struct dom0_request *request);

/* Fills a frame with the 32-byte hypercall stubs of the ABI. */
void pv_hypercall_page(uint8_t *page);

#endif
