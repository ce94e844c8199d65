/* The CPU's own interrupt controller, in xAPIC or x2APIC form. */
#ifndef X86_APIC_H
#define X86_APIC_H

#include "base/num.h"
#include "x86/asm.h"

#define APIC_ID           0x20
#define APIC_TPR          0x80
#define APIC_EOI          0xb0
#define APIC_SVR          0xf0
#define APIC_ESR          0x280
#define APIC_ICR          0x300
#define APIC_ICR_HIGH     0x310
#define APIC_LVT_TIMER    0x320
#define APIC_LVT_LINT0    0x350
#define APIC_LVT_LINT1    0x360
#define APIC_LVT_ERROR    0x370
#define APIC_TIMER_COUNT  0x380
#define APIC_TIMER_NOW    0x390
#define APIC_TIMER_DIVIDE 0x3e0

#define ICR_FIXED   0x000u
#define ICR_NMI     0x400u
#define ICR_INIT    0x500u
#define ICR_STARTUP 0x600u
#define ICR_ASSERT  0x4000u

extern volatile uint8_t *apic_page; /* NULL: x2APIC */

static inline uint32_t apic_read(uint32_t reg)
{
    if (apic_page)
        return *(volatile uint32_t *)(apic_page + reg);
    return (uint32_t)rdmsr(0x800 + (reg >> 4));
}

static inline void apic_write(uint32_t reg, uint32_t value)
{
    if (likely(apic_page))
        *(volatile uint32_t *)(apic_page + reg) = value;
    else
        wrmsr(0x800 + (reg >> 4), value);
}

static inline void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* Boot CPU: finds the form to use (x2APIC where the firmware switched it on or ids need it). */
void apic_init(uint64_t maddr, bool ids_over_254);
/* Each CPU, the boot CPU after apic_init(): switches it on. */
void apic_cpu_init(void);
uint32_t apic_id(void);

/* An IPI to one CPU by APIC id. mode: ICR_... with a vector. Waits until the last one has left. */
void apic_send(uint32_t to, uint32_t mode);

/* Can an interrupt message (IO-APIC, MSI: 8 bits of id) reach that CPU? */
static inline bool apic_id_reachable(uint32_t id)
{
    return id < 255;
}

/* The timer: measured by time_init(). Ticks a second, after division. */
extern uint64_t apic_timer_hz;
void apic_timer_start_measure(void);
uint32_t apic_timer_elapsed(void);
void apic_timer_set_hz(uint64_t hz);

#endif
