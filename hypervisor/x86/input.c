/*
 * Console input: who gets the characters, dom0 or Argon's debug keys. Ctrl-A three times switches.
 */
#include "dbg/keys.h"
#include "port/console.h"
#include "port/lock.h"
#include "port/log.h"
#include "x86/console.h"
#include "x86/input.h"

#define SWITCH_KEY   0x01 /* Ctrl-A */
#define SWITCH_COUNT 3
#define BUFFER       128u

static struct lock lock = LOCK_INIT(RANK_MACHINE, "console input");
static char buffer[BUFFER];
static uint32_t in, out; /* free-running */
static bool to_argon;
static unsigned int switches;

static void input_char(char c, bool *for_dom0, char *key)
{
    *for_dom0 = false;
    *key = 0;
    if (c == SWITCH_KEY) {
        if (++switches < SWITCH_COUNT)
            return;
        switches = 0;
        to_argon = !to_argon;
        log_err("console input goes to %s now (Ctrl-A three times switches)\n",
                to_argon ? "Argon" : "dom0");
        return;
    }
    /* Fewer than three were meant for whoever has the console. */
    for (; switches && !to_argon; switches--)
        if (in - out < BUFFER)
            buffer[in++ % BUFFER] = SWITCH_KEY;
    switches = 0;
    if (to_argon) {
        *key = c;
        return;
    }
    if (in - out < BUFFER)
        buffer[in++ % BUFFER] = c;
    *for_dom0 = true;
}

uint32_t console_read(char *to, uint32_t room)
{
    uint32_t n = 0;

    lock_take(&lock);
    while (n < room && out != in)
        to[n++] = buffer[out++ % BUFFER];
    lock_drop(&lock);
    return n;
}

bool input_take(char c)
{
    bool for_dom0;
    char key;

    lock_take(&lock);
    input_char(c, &for_dom0, &key);
    lock_drop(&lock);
    if (key)
        key_pressed(key);
    return for_dom0;
}
