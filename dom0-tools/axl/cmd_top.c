/*
 * axl top: a table of all domains, redrawn every few seconds; -b prints it plainly, as xentop -b,
 * --json as arrays.
 *
 * The full screen is drawn with the few control sequences every terminal of today has.
 */
#include "axl/axl.h"
#include "axl/cmd.h"
#include "axl/counters.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/json.h"

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

struct sample {
    hyp_dominfo *d;
    int n;
    int64_t at; /* ns */
};

static int sample(struct axl *a, struct sample *s)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    s->at = t.tv_sec * 1000000000ll + t.tv_nsec;
    s->n = hyp_list(axl_hyp(a), &s->d);
    return s->n < 0 ? axl_fail("cannot list the domains: %s", strerror(-s->n)) : AXL_OK;
}

/* Percent of one CPU since the sample before; 0 for what was not there. */
static double percent(const struct sample *before, const struct sample *now, int i)
{
    for (int k = 0; k < before->n; k++)
        if (before->d[k].domain == now->d[i].domain && now->at > before->at)
            return 100.0 * (double)(now->d[i].cpu_time - before->d[k].cpu_time) /
                   (double)(now->at - before->at);
    return 0;
}

static void line(struct axl *a, const struct sample *before, const struct sample *now, int i,
                 uint64_t machine_kib, const char *end)
{
    const hyp_dominfo *d = &now->d[i];
    char *name = axl_name(a, d->domain);
    char state[7] = {d->flags & XEN_DOMINF_dying ? 'd' : '-',
                     d->flags & XEN_DOMINF_shutdown ? 's' : '-',
                     d->flags & XEN_DOMINF_blocked ? 'b' : '-',
                     '-',
                     d->flags & XEN_DOMINF_paused ? 'p' : '-',
                     d->flags & XEN_DOMINF_running ? 'r' : '-',
                     0};
    uint64_t kib = d->tot_pages << 2, most = d->max_pages << 2;
    char limit[24] = "no limit", share[16] = "n/a";
    if (most < UINT32_MAX) {
        snprintf(limit, sizeof limit, "%llu", (unsigned long long)most);
        snprintf(share, sizeof share, "%.1f", 100.0 * (double)most / (double)machine_kib);
    }
    struct traffic t;
    read_traffic(a->store, d->domain, &t);
    printf("%10.32s %6s %10llu %6.1f %10llu %6.1f %10s %6s %5u", name, state,
           (unsigned long long)(d->cpu_time / 1000000000), percent(before, now, i),
           (unsigned long long)kib, 100.0 * (double)kib / (double)machine_kib, limit, share,
           d->nr_online_vcpus);
    printf(" %4u %8lld %8lld %4u %8lld %8lld %8lld %10lld %10lld%s", t.nics,
           (long long)t.network[TX_BYTES] >> 10, (long long)t.network[RX_BYTES] >> 10, t.disks,
           (long long)t.block[OO_REQ], (long long)t.block[RD_REQ], (long long)t.block[WR_REQ],
           (long long)t.block[RD_SECT], (long long)t.block[WR_SECT], end);
    free(name);
}

static int table(struct axl *a, const struct sample *before, const struct sample *now, bool screen)
{
    struct xen_sysctl_physinfo p;
    const char *end = screen ? "\033[K\r\n" : "\n";
    int rc = hyp_physinfo(a->hyp, &p);
    if (rc < 0)
        return axl_fail("%s", strerror(-rc));
    if (screen) {
        printf("\033[Haxl top: %d domains, %u CPUs, %llu MiB, %llu MiB free; q quits%s", now->n,
               p.nr_cpus, (unsigned long long)p.total_pages >> 8,
               (unsigned long long)p.free_pages >> 8, end);
        printf("\033[7m");
    }
    printf(
        "      NAME  STATE   CPU(sec) CPU(%%)     MEM(k) MEM(%%)  MAXMEM(k) MAXMEM(%%) VCPUS NETS "
        "NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT%s%s",
        screen ? "\033[0m" : "", end);
    for (int i = 0; i < now->n; i++)
        line(a, before, now, i, p.total_pages << 2, end);
    if (screen)
        printf("\033[J");
    return fflush(stdout) ? AXL_FAILED : AXL_OK;
}

static void json_traffic(struct json *j, const struct traffic *t)
{
    json_number(j, "nics", t->nics);
    for (int i = 0; i < NETWORK_COUNTERS; i++)
        json_number(j, network_names[i], t->network[i]);
    json_number(j, "disks", t->disks);
    for (int i = 0; i < BLOCK_COUNTERS; i++)
        json_number(j, block_names[i], t->block[i]);
}

/* The same as JSON, an array a table. */
static int table_json(struct axl *a, const struct sample *before, const struct sample *now)
{
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_array(j, NULL);
    for (int i = 0; i < now->n; i++) {
        const hyp_dominfo *d = &now->d[i];
        char *name = axl_name(a, d->domain);
        struct traffic t;
        read_traffic(a->store, d->domain, &t);
        json_map(j, NULL);
        json_string(j, "name", name);
        json_number(j, "domid", d->domain);
        json_number(j, "cpu_time_ns", (int64_t)d->cpu_time);
        /* JSON's numbers are whole here: thousandths of a percent of one CPU. */
        json_number(j, "cpu_millipercent", (int64_t)(1000 * percent(before, now, i)));
        json_number(j, "memory_kib", (int64_t)d->tot_pages << 2);
        if (d->max_pages << 2 < UINT32_MAX)
            json_number(j, "memory_max_kib", (int64_t)(d->max_pages << 2));
        json_number(j, "vcpus_online", d->nr_online_vcpus);
        json_traffic(j, &t);
        json_map_end(j);
        free(name);
    }
    json_array_end(j);
    int rc = axl_json_out(j);
    return fflush(stdout) ? AXL_FAILED : rc;
}

/* Waits; true: the user or a signal wants an end. */
static bool rest(int ms, bool screen)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&p, screen ? 1 : 0, ms) > 0) {
        char c;
        if (read(STDIN_FILENO, &c, 1) != 1 || c == 'q' || c == 'Q' || c == 3)
            return true;
    }
    return stopped;
}

int cmd_top(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"batch", no_argument, NULL, 'b'},
                                          {"delay", required_argument, NULL, 'd'},
                                          {"iterations", required_argument, NULL, 'i'},
                                          {0}};
    long long delay = 3, left = -1;
    bool batch = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "bd:i:", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        batch |= o == 'b';
        if ((o == 'd' && (!axl_number(optarg, &delay) || delay < 1 || delay > 3600)) ||
            (o == 'i' && (!axl_number(optarg, &left) || left < 1)))
            return axl_misuse(a, "'%s' is no valid value for -%c.", optarg, o);
    }
    batch |= a->json;
    struct termios was;
    bool screen = !batch && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0;
    if (!batch && !screen)
        return axl_fail("top needs a terminal; use -b to print plainly");
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (screen) {
        struct termios raw = was;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        printf("\033[?1049h\033[?25l");
    }
    struct sample before = {0}, now;
    for (rc = AXL_OK; !rc && left != 0; left -= left > 0) {
        rc = sample(a, &now);
        if (!rc)
            rc = a->json ? table_json(a, &before, &now) : table(a, &before, &now, screen);
        if (!rc) {
            free(before.d);
            before = now;
        }
        if (left == 1 || (!rc && rest((int)delay * 1000, screen)))
            break;
    }
    free(before.d);
    if (screen) {
        printf("\033[?25h\033[?1049l");
        fflush(stdout);
        tcsetattr(STDIN_FILENO, TCSANOW, &was);
    }
    return rc;
}
