/* The command line: words `name`, `name=value` or `no-name`, with the names and meanings of Xen's
 * (docs/misc/xen-command-line). '-' and '_' in names are the same; of a repeated option the last
 * counts; what follows a word `--` belongs to dom0. Nothing is dropped in silence: an unknown
 * option, a bad value and an option that Argon has no use for are each reported. */
#ifndef CORE_OPT_OPT_H
#define CORE_OPT_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guard/guard.h"

enum { OPT_TEXT_MAX = 1024 };

/* Every option that Argon acts upon. All zeroes is "nothing was said": numbers are then chosen by
 * whoever uses them, strings are NULL. Sizes are in bytes. */
struct options {
    /* dom0 */
    uint64_t dom0_mem, dom0_mem_min, dom0_mem_max;
    uint32_t dom0_max_vcpus;
    bool dom0_vcpus_pin;
    const char *dom0_extra; /* the rest of the line, behind `--` */

    /* console and log */
    const char *console, *com1, *com2;
    const char *loglvl, *guest_loglvl;

    /* processors and time */
    uint32_t maxcpus; /* nosmp is 1 */
    const char *clocksource;
    bool no_smep, no_smap, no_x2apic;
    struct guard_say guard; /* spec-ctrl, xpti, pv-l1tf */

    /* guests */
    uint32_t gnttab_max_frames, gnttab_max_maptrack_frames;

    /* failure */
    bool noreboot;
    bool watchdog;
    uint32_t watchdog_timeout; /* seconds */

    char text[OPT_TEXT_MAX]; /* what the strings point to */
    uint32_t text_used;
};

enum opt_report { OPT_UNKNOWN, OPT_BAD_VALUE, OPT_UNUSED };

/* Fills *o from a command line. For each word with something to say about it calls report() with
 * the word as written (cut to fit; valid during the call) and with what would be right for it
 * (OPT_BAD_VALUE), or why it does nothing here (OPT_UNUSED), else NULL. A word with a bad value
 * leaves its option as it was. */
void opt_parse_into(struct options *o, const char *line,
                    void (*report)(void *arg, enum opt_report what, const char *word,
                                   const char *text),
                    void *arg);

/* The machine's: filled once at boot, constant from then on. */
extern struct options options;

/* Fills `options`, reporting to the log. */
void opt_parse(const char *line);

/* Numbers as on the command line: a size in bytes with unit B K M G T, in KiB if none is given
 * (`512M`); false unless the whole text is one. */
bool opt_size(const char *text, uint64_t *bytes);
bool opt_number(const char *text, uint64_t *value);
/* Reads digits, 0x for hexadecimal, and moves *text on; false: there are none, or too many. */
bool opt_take_number(const char **text, uint64_t *value);

#endif
