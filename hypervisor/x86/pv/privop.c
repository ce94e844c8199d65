/* Privileged instructions of a guest's kernel, emulated after the #GP that ring 3 gives them.
 *
 * A white list: what is not here stays a #GP. The instruction is fetched once, decoded from the
 * copy and done; a page of the guest that is not there makes it its #GP again. Guest user mode gets
 * nothing but port I/O, and that only where its kernel's virtual IOPL lets it (checklist B16). */
#include "core/pgtype/pgtype.h"
#include "hc/hc.h"
#include "port/clock.h"
#include "port/guestmem.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/pv/bounce.h"
#include "x86/pv/policy.h"
#include "x86/pv/regs.h"

#define REP_SLICE 256 /* string I/O steps between two looks at what else is to do */

struct fetch {
    uint8_t code[GUEST_CODE_MAX];
    unsigned int len; /* bytes there are */
    unsigned int at;  /* next to decode */
    bool operand16, rep, rexr, rexb;
};

static bool next_byte(struct fetch *f, uint8_t *byte)
{
    if (f->at >= f->len)
        return false;
    *byte = f->code[f->at++];
    return true;
}

/* Legacy prefixes and REX; *op is the first byte after them. */
static bool prefixes(struct fetch *f, uint8_t *op)
{
    while (next_byte(f, op)) {
        switch (*op) {
        case 0x66:
            f->operand16 = true;
            break;
        case 0xf2:
        case 0xf3:
            f->rep = true;
            break;
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x26:
        case 0x64:
        case 0x65:
            break;
        case 0x40 ... 0x4f:
            f->rexr = *op & 4;
            f->rexb = *op & 1;
            return next_byte(f, op);
        default:
            return true;
        }
    }
    return false;
}

static bool iopl_allows(const struct vcpu *v)
{
    unsigned int level = v->arch.in_kernel ? 1 : 3;

    if (v->arch.in_kernel && v->dom->vm_assist & 1u << VMASST_TYPE_architectural_iopl)
        level = 0;
    return v->arch.iopl >= level;
}

/* The bitmap lies in the kernel's address space, which is not the one loaded in guest user mode. */
static int read_bitmap(const struct vcpu *v, uint8_t *to, uint64_t va, unsigned int n)
{
    if (v->arch.in_kernel)
        return guest_read(to, va, n);
    this_percpu()->cr3 = v->arch.kernel_l4; /* also for who interrupts us */
    write_cr3(mfn_maddr(v->arch.kernel_l4));
    int error = guest_read(to, va, n);
    this_percpu()->cr3 = v->arch.user_l4;
    write_cr3(mfn_maddr(v->arch.user_l4));
    return error;
}

/* The port is the guest's to use: by IOPL, or by the bitmap its kernel has registered. */
static bool port_allowed(const struct vcpu *v, unsigned int port, unsigned int size)
{
    uint8_t byte[2] = {0, 0xff};
    unsigned int bits, bytes = port % 8 + size > 8 ? 2 : 1;

    if (iopl_allows(v))
        return true;
    if (port + size > v->arch.io_bitmap_ports)
        return false;
    if (read_bitmap(v, byte, v->arch.io_bitmap_va + port / 8, bytes))
        return false;
    bits = (byte[0] | (unsigned int)byte[1] << 8) >> port % 8;
    return !(bits & ((1u << size) - 1));
}

static void set_low(uint64_t *to, unsigned int size, uint64_t value)
{
    switch (size) {
    case 1:
        *to = (*to & ~0xfful) | (uint8_t)value;
        break;
    case 2:
        *to = (*to & ~0xfffful) | (uint16_t)value;
        break;
    default:
        *to = (uint32_t)value;
        break;
    }
}

static bool port_io(struct vcpu *v, struct guest_regs *r, unsigned int port, unsigned int size,
                    bool out)
{
    if (!port_allowed(v, port, size))
        return false;
    if (out)
        io_out(v, (uint16_t)port, size, (uint32_t)(r->rax & (0xffffffffu >> (32 - 8 * size))));
    else
        set_low(&r->rax, size, io_in(v, (uint16_t)port, size));
    return true;
}

/* One step of INS or OUTS; false: the guest's memory faults. */
static bool string_step(struct vcpu *v, struct guest_regs *r, unsigned int size, bool out)
{
    uint64_t step = r->rflags & FLAGS_DF ? 0ul - size : size;
    uint32_t value = 0;

    if (out) {
        if (guest_read(&value, r->rsi, size))
            return false;
        io_out(v, (uint16_t)r->rdx, size, value);
        r->rsi += step;
    } else {
        uint8_t probe[4];

        /* Look before the port is read: the read may not be repeatable. */
        if (guest_read(probe, r->rdi, size) || guest_write(r->rdi, probe, size))
            return false;
        value = io_in(v, (uint16_t)r->rdx, size);
        if (guest_write(r->rdi, &value, size))
            return false;
        r->rdi += step;
    }
    return true;
}

/* A fault in the guest's memory is given to it as a page fault would be found: it sees #GP. */
static bool string_io(struct vcpu *v, struct guest_regs *r, const struct fetch *f,
                      unsigned int size, bool out, bool *again)
{
    unsigned int steps = REP_SLICE;

    if (!port_allowed(v, r->rdx & 0xffff, size))
        return false;
    if (!f->rep)
        return string_step(v, r, size, out);
    while (r->rcx && steps--) {
        if (!string_step(v, r, size, out))
            return false;
        r->rcx--;
    }
    *again = r->rcx != 0;
    return true;
}

static bool mov_from_cr(struct vcpu *v, uint64_t *to, unsigned int cr)
{
    switch (cr) {
    case 0:
        *to = PV_CR0 | (v->arch.fpu_ts ? CR0_TS : 0);
        return true;
    case 2:
        *to = v->info->arch.cr2;
        return true;
    case 3:
        *to = mfn_maddr(v->arch.kernel_l4);
        return true;
    case 4:
        *to = pv_cr4(v);
        return true;
    default:
        return false;
    }
}

static bool mov_to_cr(struct vcpu *v, uint64_t value, unsigned int cr, bool *again)
{
    long result;

    switch (cr) {
    case 0:
        if ((value ^ PV_CR0) & ~CR0_TS)
            return false;
        v->arch.fpu_ts = value & CR0_TS;
        write_cr0((read_cr0() & ~CR0_TS) | (value & CR0_TS));
        return true;
    case 2:
        v->info->arch.cr2 = value;
        return true;
    case 3:
        result = pgt_finish(v); /* or two old trees at once would be dropped without a pause */
        if (!result)
            result = pgt_new_base(v, maddr_mfn(value & PTE_ADDR));
        *again = result == HC_AGAIN;
        return !result || *again;
    case 4:
        return pv_set_cr4(v, value);
    default:
        return false;
    }
}

static bool mov_dr(struct vcpu *v, uint64_t *operand, unsigned int dr, bool to_dr)
{
    if (dr == 4 || dr == 5)
        dr += 2;
    if (to_dr)
        return !pv_set_debugreg(v, dr, *operand);
    *operand = dr < 4 ? v->arch.dr[dr] : dr == 6 ? v->arch.dr6 : v->arch.dr7;
    return dr < 8;
}

static bool xsetbv(struct vcpu *v, const struct guest_regs *r)
{
    uint64_t value = r->rdx << 32 | (uint32_t)r->rax;

    /* x87 always, AVX only with SSE (Intel SDM vol. 1, 13.3). */
    if (!(v->arch.cr4 & CR4_XSAVE) || (uint32_t)r->rcx || !(value & 1) || value & ~cpu_xcr0 ||
        (value & 6) == 4)
        return false;
    v->arch.xcr0 = value;
    return true;
}

static void read_tsc(struct guest_regs *r)
{
    uint64_t tsc = rdtsc();

    r->rax = (uint32_t)tsc;
    r->rdx = tsc >> 32;
}

/* 0F 01: XSETBV, RDTSCP, INVLPG. */
static bool group7(struct vcpu *v, struct guest_regs *r, struct fetch *f)
{
    uint8_t modrm;

    if (!next_byte(f, &modrm))
        return false;
    switch (modrm) {
    case 0xd1:
        return xsetbv(v, r);
    case 0xf9:
        if (!cpu_has_rdtscp)
            return false;
        read_tsc(r);
        r->rcx = v->arch.tsc_aux;
        return true;
    default:
        return false;
    }
}

static void give_cpuid(struct vcpu *v, struct guest_regs *r)
{
    struct cpuid_regs out = policy_cpuid(v, (uint32_t)r->rax, (uint32_t)r->rcx);

    r->rax = out.a;
    r->rbx = out.b;
    r->rcx = out.c;
    r->rdx = out.d;
}

/* Two-byte opcodes, kernel mode only. */
static bool system_op(struct vcpu *v, struct guest_regs *r, struct fetch *f, bool *again)
{
    uint8_t op, modrm;
    uint64_t value, *operand;

    if (!next_byte(f, &op))
        return false;
    switch (op) {
    case 0x32:
        if (msr_read(v, (uint32_t)r->rcx, &value))
            return false;
        r->rax = (uint32_t)value;
        r->rdx = value >> 32;
        return true;
    case 0x30:
        return !msr_write(v, (uint32_t)r->rcx, r->rdx << 32 | (uint32_t)r->rax);
    case 0xa2:
        give_cpuid(v, r);
        return true;
    case 0x31:
        read_tsc(r);
        return true;
    case 0x01:
        return group7(v, r, f);
    case 0x06:
        v->arch.fpu_ts = false;
        __asm__ volatile("clts");
        return true;
    case 0x08:
    case 0x09:
        if (v->dom->mem.io_caches)
            wbinvd();
        return true;
    case 0x20 ... 0x23:
        if (!next_byte(f, &modrm))
            return false;
        operand = guest_reg(r, (modrm & 7) | (f->rexb ? 8 : 0));
        modrm = (modrm >> 3 & 7) | (f->rexr ? 8 : 0);
        if (op == 0x20)
            return mov_from_cr(v, operand, modrm);
        if (op == 0x22)
            return mov_to_cr(v, *operand, modrm, again);
        return mov_dr(v, operand, modrm, op == 0x23);
    default:
        return false;
    }
}

static bool run(struct vcpu *v, struct guest_regs *r, struct fetch *f, bool *again)
{
    uint8_t op, port;

    if (!prefixes(f, &op))
        return false;
    unsigned int size = !(op & 1) ? 1 : f->operand16 ? 2 : 4;
    switch (op) {
    case 0x0f:
        return v->arch.in_kernel && system_op(v, r, f, again);
    case 0xec: /* IN, OUT by DX */
    case 0xed:
    case 0xee:
    case 0xef:
        return port_io(v, r, r->rdx & 0xffff, size, op & 2);
    case 0xe4: /* IN, OUT by number */
    case 0xe5:
    case 0xe6:
    case 0xe7:
        return next_byte(f, &port) && port_io(v, r, port, size, op & 2);
    case 0x6c: /* INS, OUTS */
    case 0x6d:
    case 0x6e:
    case 0x6f:
        return string_io(v, r, f, size, op & 2, again);
    case 0xfa: /* CLI, STI: a guest masks events in vcpu_info, these only must not fault */
    case 0xfb:
        return iopl_allows(v);
    default:
        return false;
    }
}

/* Past an emulated instruction; a single-stepped guest gets its #DB. */
static void finish(struct vcpu *v, struct guest_regs *r, uint64_t len)
{
    r->rip += len;
    r->rflags &= ~(uint64_t)FLAGS_RF;
    if (unlikely(r->rflags & FLAGS_TF)) {
        v->arch.dr6 |= 1u << 14;
        pv_trap(v, r, 1, BOUNCE_NO_ERROR_CODE);
    }
}

bool pv_emulate(struct vcpu *v, struct guest_regs *r)
{
    struct fetch f;
    bool again = false;

    f.at = 0;
    f.operand16 = f.rep = f.rexr = f.rexb = false;
    f.len = (unsigned int)guest_fetch(f.code, r->rip);
    if (!run(v, r, &f, &again))
        return false;
    if (!again)
        finish(v, r, f.at);
    return true;
}

bool pv_forced_cpuid(struct vcpu *v, struct guest_regs *r)
{
    const uint64_t form = 0xa20f6e65780b0f; /* ud2; "xen"; cpuid */
    const uint64_t mask = 0xffffffffffffff;
    uint64_t code = 0;

    /* At a page's end there may be no eighth byte. */
    if (guest_read64(&code, r->rip) && guest_read_any(&code, r->rip, 7))
        return false;
    if ((code & mask) != form)
        return false;
    give_cpuid(v, r);
    finish(v, r, 7);
    return true;
}
