/* The hypercall page: 128 stubs of 32 bytes, number n at offset 32 n (xen.h, "hypercall page").
 *
 * A stub keeps rcx and r11, which SYSCALL destroys. The one for IRET pushes what the hypervisor
 * expects below the guest's own IRET frame (struct iret_context) and never returns. No stub holds
 * an INT3 or a plain indirect jump; RET stays: the caller's return-thunk cannot reach in here. */
#include "abi/abi.h"
#include "base/string.h"
#include "port/frame.h"
#include "x86/boot/dom0.h"

static const uint8_t call_stub[] = {
    0x51,                /* push %rcx */
    0x41, 0x53,          /* push %r11 */
    0xb8, 0,    0, 0, 0, /* mov $n, %eax */
    0x0f, 0x05,          /* syscall */
    0x41, 0x5b,          /* pop %r11 */
    0x59,                /* pop %rcx */
    0xc3,                /* ret */
};

static const uint8_t iret_stub[] = {
    0x51,                /* push %rcx */
    0x41, 0x53,          /* push %r11 */
    0x50,                /* push %rax */
    0xb8, 0x17, 0, 0, 0, /* mov $__HYPERVISOR_iret, %eax */
    0x0f, 0x05,          /* syscall */
};

void pv_hypercall_page(uint8_t *page)
{
    memset(page, 0xcc, FRAME_SIZE);
    for (unsigned int n = 0; n < FRAME_SIZE / 32; n++) {
        uint8_t *stub = page + n * 32;

        if (n == __HYPERVISOR_iret) {
            memcpy(stub, iret_stub, sizeof(iret_stub));
            continue;
        }
        memcpy(stub, call_stub, sizeof(call_stub));
        stub[4] = (uint8_t)n;
    }
}
