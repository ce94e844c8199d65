/* Reports of faults: registers, stack with names, who ran. */
#include "core/dom/domain.h"
#include "core/dom/life.h"
#include "dbg/dbg.h"
#include "port/clock.h"
#include "port/log.h"
#include "x86/asm.h"
#include "x86/entry/entry.h"
#include "x86/machine.h"

#define MAX_DEPTH 32

void dbg_registers(const struct guest_regs *r)
{
    log_err("rip %016lx rsp %016lx rflags %08lx cs %04lx ss %04lx error %x\n", r->rip, r->rsp,
            r->rflags, r->cs & 0xffff, r->ss & 0xffff, r->error_code);
    log_err("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    log_err("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
    log_err("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
    log_err("r13 %016lx r14 %016lx r15 %016lx cr2 %016lx\n", r->r13, r->r14, r->r15, read_cr2());
    log_err("cr0 %08lx cr3 %016lx cr4 %08lx\n", read_cr0(), read_cr3(), read_cr4());
}

/* back 1: of a return address, as a call that never returns may be its function's last bytes. */
static void print_place(uint64_t address, unsigned int back)
{
    uint64_t offset = 0;
    const char *name = sym_name(address - back, &offset);

    log_err("  [%016lx] %s+0x%lx\n", address, name, offset + back);
}

/* The mapped stacks of this CPU: IST stacks, then the normal one after a hole. */
static bool on_stack(uint64_t p)
{
    uint64_t at = p & (PERCPU_STRIDE - 1);

    return (p & ~(uint64_t)(PERCPU_STRIDE - 1)) ==
               ((uint64_t)this_percpu() & ~(uint64_t)(PERCPU_STRIDE - 1)) &&
           p % 8 == 0 && ((at >= PERCPU_IST && at < PERCPU_IST + 4 * FRAME_SIZE) || at >= 0xc000) &&
           at <= PERCPU_STRIDE - 16;
}

void dbg_backtrace(const struct guest_regs *r)
{
    uint64_t fp = r ? r->rbp : (uint64_t)__builtin_frame_address(0);

    if (r && (r->cs & 3)) {
        log_err("the guest was running\n");
        return;
    }
    log_err("backtrace of cpu%u:\n", cpu_id());
    if (r)
        print_place(r->rip, 0);
    for (unsigned int depth = 0; depth < MAX_DEPTH && on_stack(fp); depth++) {
        const uint64_t *frame = (const uint64_t *)fp;

        if (!frame[1])
            break;
        print_place(frame[1], 1);
        if (frame[0] <= fp)
            break;
        fp = frame[0];
    }
}

static void print_running(void)
{
    const struct vcpu *v = current_vcpu();

    if (v)
        log_err("running: d%uv%u, guest rip %016lx\n", v->dom->id, v->id, guest_frame()->rip);
    else
        log_err("running: idle\n");
}

void dbg_report(const char *why, const struct guest_regs *regs)
{
    log_err("\n");
    log_err("**** Argon stops on cpu%u: %s\n", cpu_id(), why);
    log_err("build %s\n", build_name);
    if (regs)
        dbg_registers(regs);
    dbg_backtrace(regs);
    print_running();
    dbg_trace_dump();
}

void dbg_this_cpu(void)
{
    log_err("cpu%u:\n", cpu_id());
    if (current_vcpu())
        dbg_registers(guest_frame());
    dbg_backtrace(NULL);
}

void machine_report_guest(const struct domain *d)
{
    const struct vcpu *v = current_vcpu();

    if (!v || v->dom != d)
        return;
    log_err("d%uv%u on cpu%u:\n", d->id, v->id, cpu_id());
    dbg_registers(guest_frame());
}
