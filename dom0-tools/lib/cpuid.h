/*
 * What a configuration asks of a guest's CPUID (cpuid= in xl.cfg(5), "cpuid" in libxl's JSON): bits
 * that are to differ from those it would get. Pure.
 */
#ifndef LIB_CPUID_H
#define LIB_CPUID_H

#include <stdint.h>

#include "abi/abi.h"
#include "lib/json.h"
#include "lib/why.h"

enum { CPUID_RULES = 64, CPUID_REGS = 4 };
#define CPUID_NO_SUBLEAF UINT32_MAX

/* One leaf: for eax, ebx, ecx, edx nothing (""), or 32 characters, the highest bit first: 1, 0, x
 * (what it would be), k or s (what the processor has). */
struct cpuid_rule {
    uint32_t leaf, subleaf;
    char bits[CPUID_REGS][33];
};

struct cpuid_rules {
    uint32_t nr;
    struct cpuid_rule rule[CPUID_RULES];
};

/* "host,KEY=VALUE,..." as libxl has it. */
int cpuid_parse_libxl(struct cpuid_rules *r, const char *text, struct why *w);
/* One "LEAF[,SUBLEAF]:REG=BITS,..." as xend had it. */
int cpuid_parse_xend(struct cpuid_rules *r, const char *text, struct why *w);

void cpuid_to_json(const struct cpuid_rules *r, struct json *j, const char *key);
int cpuid_from_json(struct cpuid_rules *r, yajl_val v, struct why *w);

/* Changes a guest's leaves; `host` are the machine's. A leaf that is not there is an error. */
int cpuid_apply(const struct cpuid_rules *r, xen_cpuid_leaf_t *leaf, uint32_t nr,
                const xen_cpuid_leaf_t *host, uint32_t nr_host, struct why *w);

#endif
