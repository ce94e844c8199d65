/* console_io: dom0's way to the machine's console. */
#include "hc/hc.h"
#include "port/clock.h"
#include "port/console.h"

#define CHUNK 128u

static long console_out(uint64_t *arg)
{
    char text[CHUNK];

    while ((uint32_t)arg[1]) {
        uint32_t n = (uint32_t)arg[1] < CHUNK ? (uint32_t)arg[1] : CHUNK;

        if (guest_read(text, arg[2], n))
            return -XEN_EFAULT;
        console_write(text, n);
        arg[1] = (uint32_t)arg[1] - n;
        arg[2] += n;
        if (arg[1] && preempt_wanted())
            return HC_AGAIN;
    }
    return 0;
}

static long console_in(uint64_t to, uint32_t room)
{
    char text[CHUNK];
    uint32_t done = 0;

    if (room > INT32_MAX)
        return -XEN_E2BIG;
    while (done < room) {
        uint32_t n = console_read(text, room - done < CHUNK ? room - done : CHUNK);

        if (!n)
            break;
        if (guest_write(to + done, text, n))
            return -XEN_EFAULT;
        done += n;
    }
    return done;
}

long hc_console_io(struct vcpu *v, uint64_t *arg)
{
    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    switch ((uint32_t)arg[0]) {
    case CONSOLEIO_write:
        return console_out(arg);
    case CONSOLEIO_read:
        return console_in(arg[2], (uint32_t)arg[1]);
    default:
        return -XEN_ENOSYS;
    }
}
