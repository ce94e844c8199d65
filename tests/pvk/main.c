/* Start of the test kernel: sets the framework up, runs the properties named on the command line,
 * shuts down. */
#include "pvk.h"

extern const struct property properties_start[], properties_end[];

_Noreturn void pvk_main(struct start_info *info);

_Noreturn void pvk_shutdown(unsigned int reason)
{
    struct sched_shutdown s = {.reason = reason};
    for (;;)
        HC(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &s);
}

static const struct property *property_find(const char *name, size_t length)
{
    for (const struct property *p = properties_start; p < properties_end; p++)
        if (strlen(p->name) == length && !memcmp(p->name, name, length))
            return p;
    return NULL;
}

static void property_run(const struct property *p)
{
    tell("--- %s", p->name);
    transcript_begin(p->name);
    p->run();
    upcalls_disable();
    tell("--- end %s", p->name);
}

/* Words of the command line: property names, 'all', or options (name=value). */
static unsigned int command_line_run(const char *line)
{
    unsigned int ran = 0;

    while (*line) {
        size_t n = 0;
        bool option = false;
        while (line[n] && line[n] != ' ')
            option |= line[n++] == '=';
        const struct property *p = property_find(line, n);
        if (p) {
            property_run(p);
            ran++;
        } else if (n == 3 && !memcmp(line, "all", 3)) {
            for (p = properties_start; p < properties_end; p++)
                if (!(p->flags & PROPERTY_ALONE)) {
                    property_run(p);
                    ran++;
                }
        } else if (n == 4 && !memcmp(line, "list", 4)) {
            for (p = properties_start; p < properties_end; p++)
                tell("property %s%s", p->name, p->flags & PROPERTY_ALONE ? " alone" : "");
            ran++;
        } else if (n && !option) {
            tell("unknown property '%.*s'", (int)n, line);
            outcome_raise(ERROR);
        }
        line += n;
        while (*line == ' ')
            line++;
    }
    return ran;
}

void pvk_main(struct start_info *info)
{
    static const char *const names[] = {"SUCCESS", "SKIP", "ERROR", "FAILURE"};

    start_info = info;
    vcpu_areas[0].cpu.id = 0;
    memory_init();
    events_init();
    traps_init();
    if (!command_line_run((const char *)info->cmd_line)) {
        tell("nothing to run: '%s'", (const char *)info->cmd_line);
        outcome_raise(ERROR);
    }
    tell("Test result: %s", names[outcome_worst()]);
    /* As a guest also by the reason, for whoever cannot read its console any more. */
    if (!is_dom0())
        pvk_shutdown(outcome_worst() == SUCCESS ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    pvk_shutdown(SHUTDOWN_reboot);
}
