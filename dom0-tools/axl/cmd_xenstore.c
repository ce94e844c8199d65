/* axl xenstore: what the store keeps of whom (xenstored-lite's XS_CONTROL commands). */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

struct usage {
    unsigned domid;
    unsigned long nodes, watches, transactions, outstanding, memory;
    char hit;
};

static bool parse_line(const char *line, struct usage *u)
{
    return sscanf(line, "%u %lu %lu %lu %lu %lu %c", &u->domid, &u->nodes, &u->watches,
                  &u->transactions, &u->outstanding, &u->memory, &u->hit) == 7;
}

static void show_usage(struct axl *a, const struct usage *u, struct json *j)
{
    char *name = axl_name(a, u->domid);
    if (j) {
        json_map(j, NULL);
        json_number(j, "domid", u->domid);
        json_string(j, "name", name);
        json_number(j, "nodes", (int64_t)u->nodes);
        json_number(j, "watches", (int64_t)u->watches);
        json_number(j, "transactions", (int64_t)u->transactions);
        json_number(j, "outstanding", (int64_t)u->outstanding);
        json_number(j, "memory", (int64_t)u->memory);
        json_bool(j, "hit", u->hit == '*');
        json_map_end(j);
    } else {
        printf("%-32s %5u %6lu %8lu %12lu %12lu %9lu %s\n", name, u->domid, u->nodes, u->watches,
               u->transactions, u->outstanding, u->memory, u->hit == '*' ? "yes" : "no");
    }
    free(name);
}

/* An answer holds as many domains as fit: ask on from behind the last. */
static int usage_of_all(struct axl *a, struct json *j)
{
    unsigned next = 0;
    for (;;) {
        char first[16];
        snprintf(first, sizeof first, "%u", next);
        const char *args[] = {"usage", first};
        char *text = store_control(axl_store(a), "quota", args, 2);
        if (!text || strncmp(text, "domid ", 6) != 0) {
            free(text);
            return axl_fail("this xenstored keeps no such books; xenstored-lite does");
        }
        unsigned shown = 0;
        struct usage u;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (parse_line(line, &u)) {
                show_usage(a, &u, j);
                next = u.domid + 1;
                shown++;
            }
        free(text);
        if (!shown)
            return AXL_OK;
    }
}

static int limits(struct axl *a, struct json *j)
{
    char *text = store_control(axl_store(a), "quota", NULL, 0);
    if (!text)
        return axl_fail("this xenstored tells no quotas");
    if (!j)
        printf("%s", text);
    for (char *line = j ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
        char name[40];
        long max;
        if (sscanf(line, "%39[^ :] : %ld", name, &max) == 2)
            json_number(j, name, max);
    }
    free(text);
    return AXL_OK;
}

static int quota(struct axl *a)
{
    struct json *j = a->json ? json_new() : NULL;
    if (j) {
        json_map(j, NULL);
        json_map(j, "limits");
    } else {
        puts("Limits of each guest:");
    }
    int rc = limits(a, j);
    if (j) {
        json_map_end(j);
        json_array(j, "usage");
    } else {
        puts("\nName                                ID  Nodes  Watches Transactions  Outstanding"
             "    Memory Hit one");
    }
    rc |= usage_of_all(a, j);
    if (!j)
        return rc;
    json_array_end(j);
    json_map_end(j);
    return rc | axl_json_out(j);
}

/* The daemon's answer; to check it is an answer, to a change it is "OK" or what was wrong. */
static int say(struct axl *a, const char *what, const char *text)
{
    struct json *j = a->json ? json_new() : NULL;
    if (!j) {
        printf("%s\n", text);
        return AXL_OK;
    }
    json_map(j, NULL);
    json_string(j, what, text);
    json_map_end(j);
    return axl_json_out(j);
}

int cmd_xenstore(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, 4))
        return AXL_USAGE;
    const char **arg = (const char **)argv + optind;
    int n = argc - optind;
    if (n == 1 && strcmp(arg[0], "quota") == 0)
        return quota(a);
    if ((n == 1 && strcmp(arg[0], "check") == 0) ||
        (n == 4 && strcmp(arg[0], "quota") == 0 && strcmp(arg[1], "set") == 0)) {
        char *text = store_control(axl_store(a), arg[0], arg + 1, (unsigned)n - 1);
        if (!text)
            return axl_fail("xenstored refuses '%s'", arg[0]);
        int said = say(a, arg[0], text);
        free(text);
        return said;
    }
    return axl_misuse(a, "'%s' is not quota, quota set NAME N, or check.", arg[0]);
}
