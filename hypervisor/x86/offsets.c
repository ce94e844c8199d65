/*
 * Numbers that assembler needs from C: the build compiles this to assembler text and turns each
 * "=>NAME value" line into a #define in offsets.h.
 */
#include "core/dom/domain.h"
#include "x86/percpu.h"

#define NUMBER(name, value) __asm__("=>" #name " %c0" ::"i"(value))
#define REG(name, field)    NUMBER(name, offsetof(struct guest_regs, field))

void offsets(void);

void offsets(void)
{
    REG(REGS_RAX, rax);
    REG(REGS_ARG, rdi);
    REG(REGS_ERROR, error_code);
    REG(REGS_RIP, rip);
    REG(REGS_CS, cs);
    NUMBER(REGS_SIZE, sizeof(struct guest_regs));
    NUMBER(PERCPU_SCRATCH, offsetof(struct percpu, scratch));
    NUMBER(PERCPU_NUMBER, offsetof(struct percpu, cpu));
}
