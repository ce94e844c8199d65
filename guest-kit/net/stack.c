/*
 * lwIP's thread, clock and dice.
 *
 * The thread does what nobody asked for: incoming packets and TCP's timers. It sleeps until an
 * event or the next timer. What a socket call sends is flushed at the end of that call.
 */
#include "net/stack.h"

#include <cpuid.h>

#include <gk/err.h>
#include <gk/kit.h>
#include <gk/net.h>
#include <gk/thread.h>
#include <gk/time.h>

#include "lwip/dns.h"
#include "lwip/init.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "net/if.h"
#include "start/cpu.h"
#include "thread/ready.h"

#define BUDGET 64U /* packets of a queue before other threads have their turn */

struct net_if *net_ifs;
static struct gk_thread *net_thread;
static bool kicked;
static struct gk_waitq up_queue;

uint32_t sys_now(void)
{
    return (uint32_t)(gk_time_mono() / GK_MS);
}

void net_kick(void)
{
    kicked = true;
    if (net_thread)
        gk_wake(net_thread);
}

void net_flush(void)
{
    for (struct net_if *nif = net_ifs; nif; nif = nif->next)
        for (unsigned int i = 0; nif->connected && i < nif->queue_count; i++)
            net_queue_flush(nif->queue[i]);
}

static bool flush_owed;

void net_flush_soon(void)
{
    flush_owed = true;
    net_kick();
}

void net_flush_now(void)
{
    if (!flush_owed)
        return;
    flush_owed = false;
    net_flush();
}

/* True: somewhere there is more to do at once. */
static bool poll_all(void)
{
    bool more = false;
    for (struct net_if *nif = net_ifs; nif; nif = nif->next)
        for (unsigned int i = 0; nif->connected && i < nif->queue_count; i++)
            more |= net_queue_poll(nif->queue[i], BUDGET);
    netif_poll_all(); /* what we sent to ourselves */
    return more;
}

/* Only where nobody else wants to run: a program that is busy gathers by itself. */
static void gather_all(void)
{
    if (kit_smp || kit_ready.first)
        return;
    for (struct net_if *nif = net_ifs; nif; nif = nif->next)
        for (unsigned int i = 0; nif->connected && !nif->dead && i < nif->queue_count; i++)
            net_queue_gather(nif->queue[i]);
}

static bool arm_all(void)
{
    bool more = false;
    for (struct net_if *nif = net_ifs; nif; nif = nif->next)
        for (unsigned int i = 0; nif->connected && !nif->dead && i < nif->queue_count; i++)
            more |= net_queue_arm(nif->queue[i]);
    return more;
}

static bool is_up(const struct netif *netif)
{
    return netif_is_up(netif) && netif_is_link_up(netif) &&
           !ip4_addr_isany_val(*netif_ip4_addr(netif));
}

static bool any_up(void)
{
    for (const struct net_if *nif = net_ifs; nif; nif = nif->next)
        if (nif->added && is_up(&nif->netif))
            return true;
    return false;
}

static void run(void *argument)
{
    (void)argument;
    for (;;) {
        gather_all();
        kicked = false;
        bool more = poll_all();
        sys_check_timeouts();
        flush_owed = false;
        net_flush();
        if (up_queue.first && any_up())
            gk_waitq_wake_all(&up_queue);
        if (more || kicked || arm_all()) {
            gk_yield();
            continue;
        }
        uint32_t sleep = sys_timeouts_sleeptime();
        gk_block(sleep == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? GK_FOREVER
                                                          : gk_time_mono() + sleep * GK_MS);
    }
}

/* ---- dice ---- */

static uint64_t secret[2];

static uint64_t processor_random(void)
{
    unsigned int a, b, c = 0, d;
    unsigned long long value = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_RDRND)
        for (unsigned int tries = 0; tries < 10; tries++) {
            unsigned char ok;
            __asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(ok));
            if (ok)
                return value;
        }
    return __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ULL;
}

/* SipHash's round, twice; enough for a keyed hash of a few words. */
static uint64_t mix(const uint64_t *words, unsigned int count)
{
    uint64_t v0 = secret[0], v1 = secret[1], v2 = ~secret[0], v3 = ~secret[1];
#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))
    for (unsigned int i = 0; i < count + 2; i++) {
        uint64_t word = i < count ? words[i] : 0;
        v3 ^= word;
        for (unsigned int round = 0; round < 2; round++) {
            v0 += v1, v2 += v3;
            v1 = ROTATE(v1, 13) ^ v0, v3 = ROTATE(v3, 16) ^ v2;
            v0 = ROTATE(v0, 32);
            v2 += v1, v0 += v3;
            v1 = ROTATE(v1, 17) ^ v2, v3 = ROTATE(v3, 21) ^ v0;
            v2 = ROTATE(v2, 32);
        }
        v0 ^= word;
    }
#undef ROTATE
    return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t net_random64(void)
{
    static uint64_t count;
    uint64_t words[2] = {++count, __builtin_ia32_rdtsc()};
    return mix(words, 2);
}

uint32_t net_random(void)
{
    return (uint32_t)net_random64();
}

uint32_t net_first_number(uint32_t local, uint16_t local_port, uint32_t remote,
                          uint16_t remote_port)
{
    uint64_t words[2] = {(uint64_t)local << 32 | remote, (uint64_t)local_port << 16 | remote_port};
    return (uint32_t)(mix(words, 2) + gk_time_mono() / 4000); /* one each 4 us: RFC 6528 */
}

/* ---- the public interface ---- */

static void stack_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    secret[0] = processor_random() ^ gk_time_wall();
    secret[1] = processor_random() + gk_time_mono();
    lwip_init();
}

static int start(void)
{
    stack_start();
    if (!net_thread) {
        net_thread = gk_thread_create("net", run, NULL, GK_STACK_DEFAULT);
        if (!net_thread)
            return -XEN_ENOMEM;
        gk_thread_detach(net_thread);
    }
    return net_setup_start();
}

int gk_net_start(void)
{
    static bool started; /* or being started: what is left waits for an address as everybody does */
    if (started)
        return 0;
    started = true;
    int rc = start();
    started = !rc;
    return rc;
}

bool gk_net_wait(uint64_t deadline)
{
    return GK_WAIT_FOR(&up_queue, any_up(), deadline);
}

int gk_net_info(unsigned int number, struct gk_net_info *info)
{
    for (const struct net_if *nif = net_ifs; nif; nif = nif->next) {
        if (nif->index != number || !nif->added)
            continue;
        *info = (struct gk_net_info){
            .up = is_up(&nif->netif),
            .address = ip4_addr_get_u32(netif_ip4_addr(&nif->netif)),
            .mask = ip4_addr_get_u32(netif_ip4_netmask(&nif->netif)),
            .router = ip4_addr_get_u32(netif_ip4_gw(&nif->netif)),
            .rx_packets = nif->rx_packets,
            .tx_packets = nif->tx_packets,
            .rx_dropped = nif->rx_dropped,
            .tx_dropped = nif->tx_dropped,
        };
        __builtin_memcpy(info->mac, nif->netif.hwaddr, sizeof info->mac);
        return 0;
    }
    return -XEN_ENOENT;
}
