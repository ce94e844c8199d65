/* Console input: who gets the characters, dom0 or Argon's debug keys. Ctrl-A three times switches.
 *
 * The interrupt only fetches characters: keys run later, on the way out of the hypervisor
 * (WORK_KEY), where no lock is held and reports may take their time. */
#include "abi/abi.h"
#include "core/evt/evt.h"
#include "dbg/dbg.h"
#include "port/console.h"
#include "port/lock.h"
#include "port/log.h"
#include "x86/console.h"
#include "x86/percpu.h"

#define SWITCH_KEY   0x01 /* Ctrl-A */
#define SWITCH_COUNT 3
#define BUFFER       4096u /* a line of Linux's terminals: dom0 may not run for a while */

struct queue {
    char c[BUFFER];
    uint32_t in, out; /* free-running */
};

static struct lock lock = LOCK_INIT(RANK_MACHINE, "console input");
static struct queue dom0_queue, key_queue;
static bool to_argon;
static unsigned int switches;

static void push(struct queue *q, char c)
{
    if (q->in - q->out < BUFFER)
        q->c[q->in++ % BUFFER] = c;
}

static void take(char c)
{
    if (c == SWITCH_KEY) {
        if (++switches < SWITCH_COUNT)
            return;
        switches = 0;
        to_argon = !to_argon;
        log_err("console input goes to %s (Ctrl-A three times switches%s)\n",
                to_argon ? "Argon" : "dom0", to_argon ? "; h for help" : "");
        return;
    }
    /* Fewer than three were meant for whoever has the console. */
    for (; switches; switches--)
        if (!to_argon)
            push(&dom0_queue, SWITCH_KEY);
    push(to_argon ? &key_queue : &dom0_queue, c);
}

void console_poll(void)
{
    int c;

    lock_take(&lock);
    uint32_t before = dom0_queue.in;
    while ((c = console_getc()) >= 0)
        take((char)c);
    bool news = dom0_queue.in != before;
    bool keys = key_queue.in != key_queue.out;
    lock_drop(&lock);
    if (news)
        evt_raise_virq_global(VIRQ_CONSOLE);
    if (keys)
        __atomic_or_fetch(&this_percpu()->work, WORK_KEY, __ATOMIC_RELAXED);
}

uint32_t console_read(char *to, uint32_t room)
{
    uint32_t n = 0;

    lock_take(&lock);
    while (n < room && dom0_queue.out != dom0_queue.in)
        to[n++] = dom0_queue.c[dom0_queue.out++ % BUFFER];
    lock_drop(&lock);
    return n;
}

static bool next_key(char *key)
{
    lock_take(&lock);
    bool any = key_queue.out != key_queue.in;
    if (any)
        *key = key_queue.c[key_queue.out++ % BUFFER];
    lock_drop(&lock);
    return any;
}

void dbg_keys_pending(void)
{
    char key;

    while (next_key(&key))
        key_pressed(key);
}
