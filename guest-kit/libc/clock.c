/* Time and sleep, from the pages that the hypervisor shares. */
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include <gk/thread.h>
#include <gk/time.h>

#include "libc/fd.h"

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    uint64_t ns = gk_time_wall();
    *now = (struct timeval){.tv_sec = (time_t)(ns / GK_S), .tv_usec = (long)(ns % GK_S / 1000)};
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    uint64_t ns = clock == CLOCK_REALTIME ? gk_time_wall() : gk_time_mono();
    *now = (struct timespec){.tv_sec = (time_t)(ns / GK_S), .tv_nsec = (long)(ns % GK_S)};
    return 0;
}

int clock_getres(clockid_t clock, struct timespec *step)
{
    (void)clock;
    *step = (struct timespec){.tv_nsec = 1};
    return 0;
}

clock_t times(struct tms *times)
{
    clock_t now = (clock_t)(gk_time_mono() / (GK_S / CLOCKS_PER_SEC));
    *times = (struct tms){.tms_utime = now};
    return now;
}

int nanosleep(const struct timespec *want, struct timespec *left)
{
    if (want->tv_sec < 0 || want->tv_nsec < 0 || want->tv_nsec >= (long)GK_S)
        return (int)fd_result(-EINVAL);
    gk_sleep((uint64_t)want->tv_sec * GK_S + (uint64_t)want->tv_nsec);
    if (left)
        *left = (struct timespec){0};
    return 0;
}

unsigned int sleep(unsigned int seconds)
{
    gk_sleep(seconds * GK_S);
    return 0;
}

int usleep(useconds_t us)
{
    gk_sleep(us * GK_US);
    return 0;
}
