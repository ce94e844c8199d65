/*
 * clock: threads, timers and the two clocks. Command line: count=N ticks (default 5), ms=N between
 * them (default 200), balloon: follow memory/target. Also what a save and restore is tried with: it
 * goes on where it was.
 */
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/suspend.h>
#include <gk/thread.h>
#include <gk/time.h>

static struct gk_mutex mutex;
static struct gk_cond cond;
static unsigned int ticks;

static void ticker(void *argument)
{
    uint64_t count = *(const uint64_t *)argument, ms = gk_option_u64("ms", 200);
    uint64_t next = gk_time_mono();

    for (uint64_t i = 0; i < count; i++) {
        next += ms * GK_MS;
        gk_sleep_until(next);
        gk_mutex_lock(&mutex);
        ticks++;
        gk_cond_signal(&cond);
        gk_mutex_unlock(&mutex);
    }
}

static void resumed(void *argument, bool cancelled)
{
    (void)argument;
    gk_printf("clock: %s\n", cancelled ? "suspension was cancelled" : "woke up elsewhere");
}

int main(void)
{
    static struct gk_suspend_hook hook = {.resume = resumed};
    uint64_t count = gk_option_u64("count", 5), start = gk_time_mono(), last = start;
    struct gk_mem_info info;
    char word[8];

    gk_suspend_register(&hook);
    if (gk_option("balloon", word, sizeof(word)) >= 0 && gk_balloon_start())
        return 3;
    gk_mem_info(&info);
    gk_printf("clock: %zu pages, %zu free; unix time %lu\n", info.total_pages, info.free_pages,
              gk_time_wall() / GK_S);
    struct gk_thread *thread = gk_thread_create("ticker", ticker, &count, GK_STACK_DEFAULT);
    if (!thread)
        return 1;
    gk_mutex_lock(&mutex);
    for (uint64_t seen = 0; seen < count; seen++) {
        while (ticks == seen)
            gk_cond_wait(&cond, &mutex, GK_FOREVER);
        uint64_t now = gk_time_mono();
        if (now < last)
            return 2;
        last = now;
        gk_printf("clock: tick %lu at %lu ms\n", seen + 1, (now - start) / GK_MS);
    }
    gk_mutex_unlock(&mutex);
    gk_thread_join(thread);
    gk_printf("clock: done\n");
    return 0;
}
