/*
 * cpuid= in its three spellings, and what it does to a guest's policy (see cpuid.h). The names of
 * features are those of the ABI's <xen/arch-x86/cpufeatureset.h>, as xl.cfg(5) says, and the older
 * ones that libxl knows beside them.
 */
#include "lib/cpuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EAX, EBX, ECX, EDX };
static const char *const reg_names[CPUID_REGS] = {"eax", "ebx", "ecx", "edx"};

/* --- names ---------------------------------------------------------------------------------- */

/* Where each word of the feature set comes from; leaf 0 stands for "not from CPUID". */
static const struct {
    uint32_t leaf, subleaf;
    unsigned reg;
} words[] = {
    {1, CPUID_NO_SUBLEAF, EDX},
    {1, CPUID_NO_SUBLEAF, ECX},
    {0x80000001, CPUID_NO_SUBLEAF, EDX},
    {0x80000001, CPUID_NO_SUBLEAF, ECX},
    {0xd, 1, EAX},
    {7, 0, EBX},
    {7, 0, ECX},
    {0x80000007, CPUID_NO_SUBLEAF, EDX},
    {0x80000008, CPUID_NO_SUBLEAF, EBX},
    {7, 0, EDX},
    {7, 1, EAX},
    {0x80000021, CPUID_NO_SUBLEAF, EAX},
    {7, 1, EBX},
    {7, 2, EDX},
    {7, 1, ECX},
    {7, 1, EDX},
};
enum { WORDS = sizeof words / sizeof words[0] };

static const struct {
    const char *name;
    unsigned bit;
} features[] = {
#define XEN_CPUFEATURE(name, value) {#name, (value)},
#include <xen/arch-x86/cpufeatureset.h>
    {"arat", 6 << 16 | 2},
    {"altmovcr8", 3 * 32 + 4},
    {"clfsh", 19},
    {"cmplegacy", 3 * 32 + 1},
    {"cmpxchg16", 32 + 13},
    {"cmpxchg8", 8},
    {"cmt", 5 * 32 + 12},
    {"cntxid", 32 + 10},
    {"ia64", 30},
    {"invtsc", 7 * 32 + 8},
    {"lahfsahf", 3 * 32 + 0},
    {"lfence+", 11 * 32 + 2},
    {"nodeid", 3 * 32 + 19},
    {"perfctr-core", 3 * 32 + 23},
    {"perfctr-nb", 3 * 32 + 24},
    {"psn", 18},
    {"sse4.1", 32 + 19},
    {"sse4.2", 32 + 20},
    {"sysenter", 11},
};

/* Keys with a number: where it stands. */
static const struct {
    const char *name;
    uint32_t leaf, subleaf;
    unsigned reg, low, width;
} fields[] = {
    {"maxleaf", 0, CPUID_NO_SUBLEAF, EAX, 0, 32},
    {"family", 1, CPUID_NO_SUBLEAF, EAX, 8, 4},
    {"model", 1, CPUID_NO_SUBLEAF, EAX, 4, 4},
    {"stepping", 1, CPUID_NO_SUBLEAF, EAX, 0, 4},
    {"brandid", 1, CPUID_NO_SUBLEAF, EBX, 0, 8},
    {"clflush", 1, CPUID_NO_SUBLEAF, EBX, 8, 8},
    {"proccount", 1, CPUID_NO_SUBLEAF, EBX, 16, 8},
    {"localapicid", 1, CPUID_NO_SUBLEAF, EBX, 24, 8},
    {"procpkg", 4, 0, EAX, 26, 6},
    {"nc", 0x80000008, CPUID_NO_SUBLEAF, ECX, 0, 8},
    {"apicidsize", 0x80000008, CPUID_NO_SUBLEAF, ECX, 12, 4},
    {"maxhvleaf", 0x40000000, CPUID_NO_SUBLEAF, EAX, 0, 8},
};

/* "LAHF_LM" is "lahf-lm", and "sse4_1" too. */
static bool same_name(const char *given, size_t len, const char *name)
{
    if (strlen(name) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
        if ((c == '_' ? '-' : c) != (given[i] == '_' ? '-' : given[i]))
            return false;
    }
    return true;
}

/* --- rules ---------------------------------------------------------------------------------- */

/* The bits of a leaf's register, made if they are not there yet; NULL: too many leaves. */
static char *bits_of(struct cpuid_rules *r, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    uint32_t i = 0;
    while (i < r->nr && (r->rule[i].leaf != leaf || r->rule[i].subleaf != subleaf))
        i++;
    if (i == CPUID_RULES)
        return NULL;
    if (i == r->nr)
        r->rule[r->nr++] = (struct cpuid_rule){.leaf = leaf, .subleaf = subleaf};
    char *b = r->rule[i].bits[reg];
    if (!b[0]) {
        memset(b, 'x', 32);
        b[32] = 0;
    }
    return b;
}

static int too_many(struct why *w)
{
    return why(w, -E2BIG, "more than %d leaves", CPUID_RULES);
}

static bool is_choice(char c)
{
    return c && strchr("01xks", c);
}

static void put_number(char *bits, unsigned low, unsigned width, uint64_t n)
{
    for (unsigned i = 0; i < width; i++)
        bits[31 - low - i] = n >> i & 1 ? '1' : '0';
}

/* Family and model have a second part, used when the first is full. */
static int set_field(struct cpuid_rules *r, size_t f, const char *value, struct why *w)
{
    const unsigned low = fields[f].low, width = fields[f].width;
    const bool family = low == 8 && width == 4 && fields[f].reg == EAX;
    const bool model = low == 4 && width == 4 && fields[f].reg == EAX;
    char *end, *bits = bits_of(r, fields[f].leaf, fields[f].subleaf, fields[f].reg);
    if (!bits)
        return too_many(w);
    errno = 0;
    unsigned long long n = strtoull(value, &end, 0);
    const unsigned long long most = family ? 0xf + 0xff : model ? 0xff : (1ull << width) - 1;
    if (value[0] && !value[1] && strchr("xks", value[0])) {
        memset(bits + 32 - low - width, value[0], width);
        if (family || model)
            memset(bits + (family ? 4 : 12), value[0], family ? 8 : 4);
        return 0;
    }
    if (value[0] < '0' || value[0] > '9' || *end || errno || n > most)
        return why(w, -EINVAL, "%s: '%.40s' is no number up to %llu", fields[f].name, value, most);
    if (family)
        put_number(bits, 20, 8, n > 0xf ? n - 0xf : 0);
    if (model)
        put_number(bits, 16, 4, n >> 4);
    put_number(bits, low, width, family && n > 0xf ? 0xf : n);
    return 0;
}

static int set_feature(struct cpuid_rules *r, const char *name, size_t len, const char *value,
                       struct why *w)
{
    size_t i = 0;
    while (i < sizeof features / sizeof features[0] && !same_name(name, len, features[i].name))
        i++;
    if (i == sizeof features / sizeof features[0])
        return why(w, -EINVAL, "'%.*s' is no feature's name", (int)(len < 40 ? len : 40), name);
    const unsigned bit = features[i].bit, word = bit / 32;
    if (!is_choice(value[0]) || value[1])
        return why(w, -EINVAL, "'%.40s' for %.*s must be 0, 1, x, k or s", value,
                   (int)(len < 40 ? len : 40), name);
    const bool arat = bit >> 16 != 0; /* leaf 6, of which the feature set knows nothing */
    if (!arat && word >= WORDS)
        return why(w, -EOPNOTSUPP, "'%.*s' is told by an MSR, not by CPUID", (int)len, name);
    char *bits = arat ? bits_of(r, 6, CPUID_NO_SUBLEAF, EAX)
                      : bits_of(r, words[word].leaf, words[word].subleaf, words[word].reg);
    if (!bits)
        return too_many(w);
    bits[31 - bit % 32] = value[0];
    return 0;
}

static int one_key(struct cpuid_rules *r, char *item, struct why *w)
{
    char *eq = strchr(item, '=');
    if (!eq)
        return why(w, -EINVAL, "'%.40s' is not KEY=VALUE", item);
    const size_t len = (size_t)(eq - item);
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++)
        if (same_name(item, len, fields[f].name))
            return set_field(r, f, eq + 1, w);
    return set_feature(r, item, len, eq + 1, w);
}

int cpuid_parse_libxl(struct cpuid_rules *r, const char *text, struct why *w)
{
    char *copy = strdup(text), *rest = copy, *item;
    if (!copy)
        return why(w, -ENOMEM, "out of memory");
    item = strsep(&rest, ",");
    int rc = strcmp(item, "host") ? why(w, -EINVAL, "must begin with host") : 0;
    while (!rc && (item = strsep(&rest, ",")))
        rc = one_key(r, item, w);
    free(copy);
    return rc;
}

/* BITS for a register, checked. */
static int set_bits(struct cpuid_rules *r, uint32_t leaf, uint32_t subleaf, const char *item,
                    const char *value, struct why *w)
{
    unsigned reg = 0;
    while (reg < CPUID_REGS && strcmp(item, reg_names[reg]) != 0)
        reg++;
    if (reg == CPUID_REGS)
        return why(w, -EINVAL, "'%.40s' must be eax, ebx, ecx or edx", item);
    if (strlen(value) != 32 || strspn(value, "01xks") != 32)
        return why(w, -EINVAL, "%s must have 32 characters of 0, 1, x, k and s", item);
    char *bits = bits_of(r, leaf, subleaf, reg);
    if (!bits)
        return too_many(w);
    memcpy(bits, value, 33);
    return 0;
}

static bool leaf_number(const char *p, char **end, uint32_t *out)
{
    errno = 0;
    unsigned long long n = strtoull(p, end, 0);
    *out = (uint32_t)n;
    return *p >= '0' && *p <= '9' && !errno && n <= UINT32_MAX;
}

int cpuid_parse_xend(struct cpuid_rules *r, const char *text, struct why *w)
{
    uint32_t leaf, subleaf = CPUID_NO_SUBLEAF;
    char *end, *copy = strdup(text), *rest, *item;
    if (!copy)
        return why(w, -ENOMEM, "out of memory");
    int rc = 0;
    if (!leaf_number(copy, &end, &leaf) || (*end == ',' && !leaf_number(end + 1, &end, &subleaf)) ||
        *end != ':')
        rc = why(w, -EINVAL, "'%.60s' must begin with LEAF: or LEAF,SUBLEAF:", text);
    rest = rc ? NULL : end + 1;
    while (!rc && (item = strsep(&rest, ","))) {
        char *eq = strchr(item, '=');
        if (!eq) {
            rc = why(w, -EINVAL, "'%.40s' is not REGISTER=BITS", item);
            break;
        }
        *eq = 0;
        rc = set_bits(r, leaf, subleaf, item, eq + 1, w);
    }
    free(copy);
    return rc;
}

/* --- JSON ----------------------------------------------------------------------------------- */

void cpuid_to_json(const struct cpuid_rules *r, struct json *j, const char *key)
{
    json_map(j, key);
    json_array(j, "cpuid");
    for (uint32_t i = 0; i < r->nr; i++) {
        const struct cpuid_rule *c = &r->rule[i];
        json_map(j, NULL);
        json_number(j, "leaf", c->leaf);
        if (c->subleaf != CPUID_NO_SUBLEAF)
            json_number(j, "subleaf", c->subleaf);
        for (unsigned k = 0; k < CPUID_REGS; k++)
            if (c->bits[k][0])
                json_string(j, reg_names[k], c->bits[k]);
        json_map_end(j);
    }
    json_array_end(j);
    json_map_end(j);
}

static bool json_leaf(yajl_val v, uint32_t *out)
{
    if (!v || !YAJL_IS_INTEGER(v) || YAJL_GET_INTEGER(v) < 0 || YAJL_GET_INTEGER(v) > UINT32_MAX)
        return false;
    *out = (uint32_t)YAJL_GET_INTEGER(v);
    return true;
}

int cpuid_from_json(struct cpuid_rules *r, yajl_val v, struct why *w)
{
    yajl_val msr = json_get(v, "msr");
    if (msr && YAJL_IS_ARRAY(msr) && msr->u.array.len)
        return why(w, -EOPNOTSUPP, "cpuid: values of MSRs are not supported");
    /* A list by itself is what older libxls wrote. */
    if (v && YAJL_IS_OBJECT(v))
        v = json_get(v, "cpuid");
    if (!v || YAJL_IS_NULL(v))
        return 0;
    if (!YAJL_IS_ARRAY(v))
        return why(w, -EINVAL, "cpuid: must be a list");
    for (size_t i = 0; i < v->u.array.len; i++) {
        yajl_val m = v->u.array.values[i], sub = json_get(m, "subleaf");
        uint32_t leaf, subleaf = CPUID_NO_SUBLEAF;
        if (!json_leaf(json_get(m, "leaf"), &leaf) || (sub && !json_leaf(sub, &subleaf)))
            return why(w, -EINVAL, "cpuid[%zu]: its leaf must be a number", i);
        for (unsigned k = 0; k < CPUID_REGS; k++) {
            yajl_val b = json_get(m, reg_names[k]);
            int rc = b ? set_bits(r, leaf, subleaf, reg_names[k], json_str(b), w) : 0;
            if (rc)
                return why_in(w, rc, "cpuid[%zu]", i);
        }
    }
    return 0;
}

/* --- applying ------------------------------------------------------------------------------- */

/* A rule without a subleaf is for a leaf that has none, or for its first. */
static xen_cpuid_leaf_t *find(const xen_cpuid_leaf_t *l, uint32_t nr, const struct cpuid_rule *c)
{
    for (uint32_t i = 0; i < nr; i++)
        if (l[i].leaf == c->leaf &&
            (l[i].subleaf == c->subleaf || (c->subleaf == CPUID_NO_SUBLEAF && l[i].subleaf == 0) ||
             (c->subleaf == 0 && l[i].subleaf == XEN_CPUID_NO_SUBLEAF)))
            return (xen_cpuid_leaf_t *)(uintptr_t)&l[i];
    return NULL;
}

static uint32_t chosen(const char *bits, uint32_t would, uint32_t has)
{
    uint32_t out = 0;
    for (unsigned i = 0; i < 32; i++) {
        const char c = bits[31 - i];
        const uint32_t b = c == '1' ? 1 : c == '0' ? 0 : (c == 'x' ? would : has) >> i & 1;
        out |= b << i;
    }
    return out;
}

int cpuid_apply(const struct cpuid_rules *r, xen_cpuid_leaf_t *leaf, uint32_t nr,
                const xen_cpuid_leaf_t *host, uint32_t nr_host, struct why *w)
{
    for (uint32_t i = 0; i < r->nr; i++) {
        const struct cpuid_rule *c = &r->rule[i];
        xen_cpuid_leaf_t *l = find(leaf, nr, c);
        const xen_cpuid_leaf_t *h = find(host, nr_host, c);
        if (!l || !h)
            return why(w, -EOPNOTSUPP, "cpuid=: a guest has no leaf 0x%x%s here", c->leaf,
                       c->subleaf == CPUID_NO_SUBLEAF ? "" : " with that subleaf");
        uint32_t *const to[CPUID_REGS] = {&l->a, &l->b, &l->c, &l->d};
        const uint32_t has[CPUID_REGS] = {h->a, h->b, h->c, h->d};
        for (unsigned k = 0; k < CPUID_REGS; k++)
            if (c->bits[k][0])
                *to[k] = chosen(c->bits[k], *to[k], has[k]);
    }
    return 0;
}
