/* Backtraces along frame pointers, with names from the table that gk-cc links in. */
#include "mem/mem.h"
#include "start/kit.h"

/* Sorted by address; made by gk-cc's second link. Absent in a link without it. */
struct symbol {
    uint32_t address, name;
};
extern const struct symbol gk_symbols[] __attribute__((weak));
extern const uint32_t gk_symbols_count __attribute__((weak));
extern const char gk_symbol_names[] __attribute__((weak));

#define FRAMES_MAX 32

static bool is_code(uint64_t address)
{
    return address >= ADDRESS(kit_text_start) && address < ADDRESS(kit_text_end);
}

const char *kit_symbol(uint64_t address, uint64_t *offset)
{
    if (!&gk_symbols_count || !is_code(address))
        return NULL;
    size_t low = 0, high = gk_symbols_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (gk_symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    *offset = address - gk_symbols[low - 1].address;
    return gk_symbol_names + gk_symbols[low - 1].name;
}

static void frame_print(uint64_t rip)
{
    uint64_t offset = 0;
    const char *name = kit_symbol(rip, &offset);

    if (name)
        gk_printf("  %016lx %s+0x%lx\n", rip, name, offset);
    else
        gk_printf("  %016lx\n", rip);
}

/* A frame pointer is followed upwards only, and only through mapped memory. */
void kit_backtrace(uint64_t rip, uint64_t rbp)
{
    gk_printf("backtrace:\n");
    if (rip)
        frame_print(rip);
    for (unsigned int i = 0; i < FRAMES_MAX; i++) {
        if (rbp % 8 || !kit_mapped((void *)rbp) || !kit_mapped((void *)(rbp + 15)))
            return;
        uint64_t next = ((const uint64_t *)rbp)[0], back = ((const uint64_t *)rbp)[1];
        if (!is_code(back))
            return;
        frame_print(back);
        if (next <= rbp)
            return;
        rbp = next;
    }
}

void kit_backtrace_trap(const struct kit_regs *r)
{
    const uint64_t *top = (const uint64_t *)r->rsp;
    uint64_t from = r->rip;

    /* A jump to nowhere: the call that did it is the last thing on the stack. */
    if (!is_code(from) && r->rsp % 8 == 0 && kit_mapped(top))
        from = *top;
    kit_backtrace(from, r->rbp);
}

void gk_backtrace(void)
{
    kit_backtrace(0, ADDRESS(__builtin_frame_address(0)));
}
