/*
 * The instruction decoder and the command line on hostile bytes; the first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "core/insn/insn.h"
#include "core/opt/opt.h"
#include "port/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void log_at(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

static void count(void *arg, enum opt_report what, const char *word, const char *text)
{
    size_t *total = arg;
    *total += strlen(word) + (text ? strlen(text) : 0) + (size_t)what;
}

static void try_line(const uint8_t *data, size_t size)
{
    static struct options o;
    size_t total = 0;
    char *line = malloc(size + 1);

    memcpy(line, data, size);
    line[size] = 0;
    opt_parse_into(&o, line, count, &total);
    const char *const strings[] = {o.console, o.com1,        o.com2,
                                   o.loglvl,  o.clocksource, o.dom0_extra};
    for (unsigned i = 0; i < ARRAY_SIZE(strings); i++) {
        if (strings[i] && strlen(strings[i]) >= OPT_TEXT_MAX)
            abort();
    }
    if (o.dom0_mem_max && o.dom0_mem_min > o.dom0_mem_max)
        abort();
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct insn_regs regs;
    struct insn insn;
    uint64_t v;

    if (size < 1)
        return 0;
    uint8_t target = *data;
    if (target & 1) {
        try_line(data + 1, size - 1);
        return 0;
    }
    memset(&regs, target, sizeof(regs));
    if (insn_decode(data + 1, size - 1, &regs, &insn))
        return 0;
    if (insn.length == 0 || insn.length > size - 1 || insn.length > INSN_LENGTH_MAX)
        abort();
    (void)!insn_apply(&insn, load_le64(&regs.gpr[3]), &regs, &v);
    return 0;
}
