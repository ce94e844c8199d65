/* Flaws and defences in words, and the options that choose among them. */
#include "core/guard/guard.h"

#include "base/bits.h"
#include "core/opt/opt_private.h"

struct line {
    char *text;
    unsigned int size, length;
};

static void add(struct line *l, bool yes, const char *word)
{
    const char *gap = l->length ? ", " : "";

    if (!yes || l->length + __builtin_strlen(gap) + __builtin_strlen(word) >= l->size)
        return;
    for (const char *p = gap; *p; p++)
        l->text[l->length++] = *p;
    for (const char *p = word; *p; p++)
        l->text[l->length++] = *p;
    l->text[l->length] = '\0';
}

static unsigned int finish(struct line *l)
{
    add(l, !l->length, "none");
    return l->length;
}

unsigned int guard_flaw_names(const struct guard *g, char *text, unsigned int size)
{
    static const char *const names[] = {"Meltdown", "L1TF", "MDS", "Spectre v2", "Retbleed", "SSB"};
    struct line l = {text, size, 0};

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        add(&l, g->flaws >> i & 1, names[i]);
    return finish(&l);
}

static void add_by_domain(struct line *l, const bool *on, const char *both, const char *domu,
                          const char *dom0)
{
    add(l, on[GUARD_DOMU] && on[GUARD_DOM0], both);
    add(l, on[GUARD_DOMU] && !on[GUARD_DOM0], domu);
    add(l, !on[GUARD_DOMU] && on[GUARD_DOM0], dom0);
}

unsigned int guard_names(const struct guard *g, char *text, unsigned int size)
{
    struct line l = {text, size, 0};

    add_by_domain(&l, g->xpti, "XPTI", "XPTI (domU)", "XPTI (dom0)");
    add_by_domain(&l, g->l1tf, "PV-L1TF", "PV-L1TF (domU)", "PV-L1TF (dom0)");
    add(&l, g->verw, g->verw_helps ? "VERW" : "VERW (without microcode)");
    add(&l, (g->flaws & FLAW_BUFFERS) && !g->verw_helps && !g->verw, "no VERW (lacks microcode)");
    add(&l, g->ibrs_entry, "IBRS");
    add(&l, g->spec_ctrl & SPEC_CTRL_IBRS, "enhanced IBRS");
    add(&l, g->auto_ibrs, "automatic IBRS");
    add(&l, g->rsb_entry, "RSB");
    add(&l, g->ibpb_switch, "IBPB");
    add(&l, g->ibpb_entry, "IBPB on entry");
    add(&l, g->spec_ctrl & SPEC_CTRL_STIBP, "STIBP");
    add(&l, g->spec_ctrl & SPEC_CTRL_SSBD, "SSBD");
    return finish(&l);
}

/* ---- options -------------------------------------------------------------------------------- */

enum { ITEM_MAX = 32 };

/* Items of spec-ctrl that Xen knows and that have no meaning here. */
static const char *const unused[] = {"hvm",       "msr-sc",      "bti-thunk", "psfd",
                                     "eager-fpu", "l1d-flush",   "srb-lock",  "branch-harden",
                                     "gds-mit",   "unpriv-mmio", "div-scrub", "lock-harden",
                                     "bhb-seq",   "bhb-entry"};

const char *guard_unused(const struct guard_say *say, unsigned int n)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(unused); i++)
        if ((say->unused >> i & 1) && !n--)
            return unused[i];
    return NULL;
}

/* One item of a comma's list: its name in item[], its value behind; *on: as `no-` and value say. */
static const char *next_item(const char *p, char *item, const char **value, bool *on)
{
    unsigned int n = 0;

    while (*p && *p != ',' && n < ITEM_MAX - 1)
        item[n++] = *p++;
    if (*p && *p != ',')
        return NULL;
    item[n] = '\0';
    *value = "";
    for (char *q = item; *q; q++)
        if (*q == '=') {
            *q = '\0';
            *value = q + 1;
            break;
        }
    *on = true;
    return *p ? p + 1 : p;
}

/* `pv` or a boolean; `hvm` says nothing about us. */
static bool take_value(const char *value, bool on, int8_t *say)
{
    bool flag = true;

    if (opt_same_text(value, "hvm") || opt_same_text(value, "no-hvm"))
        return true;
    if (opt_same_text(value, "no-pv"))
        flag = false;
    else if (*value && !opt_same_text(value, "pv") && !opt_bool(value, &flag))
        return false;
    *say = flag == on ? SAY_YES : SAY_NO;
    return true;
}

static bool take_spec(struct guard_say *s, const char *name, const char *value, bool on)
{
    const struct {
        const char *name;
        int8_t *say;
    } items[] = {
        {"xen", &s->own},       {"pv", &s->own},    {"ibrs", &s->ibrs},
        {"ibpb", &s->ibpb},     {"rsb", &s->rsb},   {"stibp", &s->stibp},
        {"md-clear", &s->verw}, {"ssbd", &s->ssbd}, {"ibpb-entry", &s->ibpb_entry},
    };
    bool flag;

    if (!*value && opt_bool(name, &flag)) {
        s->all = flag == on ? SAY_YES : SAY_NO;
        return true;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(items); i++)
        if (opt_same_text(name, items[i].name))
            return take_value(value, on, items[i].say);
    for (unsigned int i = 0; i < ARRAY_SIZE(unused); i++)
        if (opt_same_text(name, unused[i])) {
            s->unused |= (uint16_t)(1u << i);
            return true;
        }
    return false;
}

bool guard_say_spec(struct guard_say *say, const char *value, bool on)
{
    struct guard_say s = *say;

    if (!*value || !on)
        s.all = on ? SAY_YES : SAY_NO;
    while (*value) {
        char item[ITEM_MAX], *name = item;
        const char *what;
        bool yes;

        value = next_item(value, item, &what, &yes);
        if (!value)
            return false;
        if (!__builtin_memcmp(item, "no-", 3)) {
            name += 3;
            yes = false;
        }
        if (!take_spec(&s, name, what, yes))
            return false;
    }
    *say = s;
    return true;
}

/* [<bool>,][dom0=<bool>,][domu=<bool>], in any order. */
static bool say_by_domain(int8_t *say, const char *value, bool on)
{
    int8_t s[GUARD_DOMS] = {say[GUARD_DOMU], say[GUARD_DOM0]};

    if (!*value)
        s[GUARD_DOMU] = s[GUARD_DOM0] = on ? SAY_YES : SAY_NO;
    while (*value) {
        char item[ITEM_MAX];
        const char *what;
        bool yes, flag;

        value = next_item(value, item, &what, &yes);
        if (!value || !on)
            return false;
        if (opt_same_text(item, "default")) {
            s[GUARD_DOMU] = s[GUARD_DOM0] = 0;
        } else if (!*what && opt_bool(item, &flag)) {
            s[GUARD_DOMU] = s[GUARD_DOM0] = flag ? SAY_YES : SAY_NO;
        } else if (opt_same_text(item, "dom0") || opt_same_text(item, "domu")) {
            if (!take_value(what, true, &s[opt_same_text(item, "dom0")]))
                return false;
        } else {
            return false;
        }
    }
    say[GUARD_DOMU] = s[GUARD_DOMU];
    say[GUARD_DOM0] = s[GUARD_DOM0];
    return true;
}

bool guard_say_xpti(struct guard_say *say, const char *value, bool on)
{
    return say_by_domain(say->xpti, value, on);
}

bool guard_say_l1tf(struct guard_say *say, const char *value, bool on)
{
    return say_by_domain(say->l1tf, value, on);
}
