/* Registers of a guest that ends at fault. */
#include "core/dom/life.h"
#include "dbg/dbg.h"
#include "port/log.h"
#include "x86/layout.h"
#include "x86/percpu.h"

void machine_report_guest(const struct domain *d)
{
    const struct vcpu *v = current_vcpu();
    uintptr_t block = (uintptr_t)this_percpu() & ~(uintptr_t)(PERCPU_STRIDE - 1);

    if (!v || v->dom != d)
        return;
    log_err("d%uv%u on cpu%u:\n", d->id, v->id, this_percpu()->cpu);
    dbg_registers((const struct guest_regs *)(block + STACK_TOP) - 1);
}
