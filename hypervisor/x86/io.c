/* I/O ports as guests see them. dom0 has the machine's, but for those that Argon itself drives;
 * other domains have none. What one may not touch reads as ones, as on a bus where nobody answers.
 */
#include "core/dom/domain.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/console.h"
#include "x86/machine.h"
#include "x86/pci.h"

#define PIT_COMMAND 0x43

/* Ports that nobody but Argon may touch: PICs, PIT channels 0 and 1, edge/level control. */
static bool is_ours(uint16_t port)
{
    switch (port) { /* on the way of every emulated IN: no table to walk */
    case 0x20 ... 0x21:
    case 0x40 ... 0x41:
    case 0xa0 ... 0xa1:
    case 0x4d0 ... 0x4d1:
        return true;
    default:
        return console_owns_port(port);
    }
}

static bool pm_timer(uint16_t port)
{
    uint32_t at = machine_info.pm_timer_port;

    return at && port >= at && port < at + 4;
}

/* Every byte of the access must be allowed. */
static bool allowed(const struct domain *d, uint16_t port, unsigned int size, bool write)
{
    for (uint32_t p = port; p < (uint32_t)port + size; p++) {
        if (p > 0xffff || !d->is_dom0)
            return false;
        if (is_ours((uint16_t)p) || (write && pm_timer((uint16_t)p)))
            return false;
    }
    return true;
}

static bool is_pci(uint16_t port)
{
    return port >= 0xcf8 && port <= 0xcff;
}

static uint32_t ones(unsigned int size)
{
    return size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
}

uint32_t io_in(struct vcpu *v, uint16_t port, unsigned int size)
{
    if (is_pci(port))
        return v->dom->is_dom0 ? pci_port_in(port, size) & ones(size) : ones(size);
    if (!allowed(v->dom, port, size, false))
        return ones(size);
    return port_in(port, size);
}

void io_out(struct vcpu *v, uint16_t port, unsigned int size, uint32_t value)
{
    if (is_pci(port)) {
        if (v->dom->is_dom0)
            pci_port_out(port, size, value);
        return;
    }
    if (!allowed(v->dom, port, size, true))
        return;
    /* Of the PIT, dom0 has channel 2 (the speaker's, which kernels measure the TSC with). */
    if (port == PIT_COMMAND && (value >> 6 & 3) != 2)
        return;
    port_out(port, size, value);
}
