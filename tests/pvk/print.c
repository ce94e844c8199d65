/* Formats the transcript and writes it to the hypervisor's console, one call a line; as a guest to
 * its own. */
#include "pvk.h"

#include <xen/io/console.h>

static const char *property_name = "pvk";
static unsigned int line_number;
static enum outcome worst;
static volatile unsigned int console_lock;

void outcome_raise(enum outcome o)
{
    if (o > worst)
        worst = o;
}

enum outcome outcome_worst(void)
{
    return worst;
}

void transcript_begin(const char *property)
{
    property_name = property;
    line_number = 0;
}

struct sink {
    char *out;
    size_t size, used;
};

static void put(struct sink *s, char c)
{
    if (s->used + 1 < s->size)
        s->out[s->used] = c;
    s->used++;
}

static void put_number(struct sink *s, uint64_t value, unsigned int base, int width, bool zeros,
                       bool negative)
{
    char digits[24];
    int n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        digits[n++] = '-';
    for (int i = n; i < width; i++)
        put(s, zeros ? '0' : ' ');
    while (n)
        put(s, digits[--n]);
}

static void put_text(struct sink *s, const char *text, int width, int most)
{
    int n = 0;
    for (; text[n] && (most < 0 || n < most); n++)
        put(s, text[n]);
    for (; n < width; n++)
        put(s, ' ');
}

/* The subset in use: %s %.*s %c %d %u %x %p with widths, 0, l. */
int format_text(char *out, size_t size, const char *f, va_list args)
{
    struct sink s = {out, size, 0};

    for (; *f; f++) {
        if (*f != '%') {
            put(&s, *f);
            continue;
        }
        bool zeros = false, wide = false;
        int width = 0, most = -1;
        f++;
        if (*f == '-')
            f++;
        if (*f == '0')
            zeros = true;
        while (*f >= '0' && *f <= '9')
            width = width * 10 + (*f++ - '0');
        if (*f == '.' && f[1] == '*') {
            most = va_arg(args, int);
            f += 2;
        }
        while (*f == 'l' || *f == 'z') {
            wide = true;
            f++;
        }
        switch (*f) {
        case 's':
            put_text(&s, va_arg(args, const char *), width, most);
            break;
        case 'c':
            put(&s, (char)va_arg(args, int));
            break;
        case 'd': {
            long v = wide ? va_arg(args, long) : va_arg(args, int);
            put_number(&s, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width, zeros, v < 0);
            break;
        }
        case 'u':
            put_number(&s, wide ? va_arg(args, uint64_t) : va_arg(args, unsigned int), 10, width,
                       zeros, false);
            break;
        case 'x':
            put_number(&s, wide ? va_arg(args, uint64_t) : va_arg(args, unsigned int), 16, width,
                       zeros, false);
            break;
        case 'p':
            put_number(&s, (uint64_t)va_arg(args, void *), 16, width, zeros, false);
            break;
        default:
            put(&s, *f);
        }
    }
    if (size)
        out[s.used < size ? s.used : size - 1] = 0;
    return (int)s.used;
}

int text_print(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = format_text(out, size, format, args);
    va_end(args);
    return n;
}

/* The ring that xenconsoled reads. A hostile guest may have closed the port: then what does not fit
 * is lost. */
static void ring_write(const char *text, size_t n)
{
    struct xencons_interface *ring = mfn_to_va(start_info->console.domU.mfn);
    struct evtchn_send send = {.port = start_info->console.domU.evtchn};

    for (size_t i = 0; i < n; i++) {
        for (unsigned int tries = 0; tries < 10000; tries++) {
            if (ring->out_prod - *(volatile XENCONS_RING_IDX *)&ring->out_cons < sizeof(ring->out))
                break;
            HC(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
            HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        }
        ring->out[ring->out_prod % sizeof(ring->out)] = text[i];
        __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    }
    HC(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

static void emit(const char *prefix, const char *format, va_list args)
{
    static char line[512];

    while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE))
        cpu_relax();
    size_t n = (size_t)text_print(line, sizeof(line), "%s", prefix);
    n += (size_t)format_text(line + n, sizeof(line) - n - 1, format, args);
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    if (is_dom0())
        HC(__HYPERVISOR_console_io, CONSOLEIO_write, n, line);
    else
        ring_write(line, n);
    __atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
}

void say(const char *format, ...)
{
    char prefix[64];
    va_list args;

    text_print(prefix, sizeof(prefix), "%s %03u ", property_name, ++line_number);
    va_start(args, format);
    emit(prefix, format, args);
    va_end(args);
}

void note(const char *format, ...)
{
    char prefix[64];
    va_list args;

    text_print(prefix, sizeof(prefix), "%s ~ ", property_name);
    va_start(args, format);
    emit(prefix, format, args);
    va_end(args);
}

void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit("", format, args);
    va_end(args);
}

bool check_at(bool ok, const char *file, int line, const char *what)
{
    if (!ok) {
        say("FAILURE: %s:%d: %s", file, line, what);
        outcome_raise(FAILURE);
    }
    return ok;
}

void panic(const char *format, ...)
{
    va_list args;

    console_lock = 0;
    va_start(args, format);
    emit("ERROR: ", format, args);
    va_end(args);
    tell("Test result: ERROR");
    pvk_shutdown(SHUTDOWN_reboot);
}

const char *rc_name(long rc)
{
    static char texts[8][24];
    static unsigned int next;

#define XEN_ERRNO(name, value)                                                                     \
    if (rc == -(value))                                                                            \
        return "-" #name;
#include <xen/errno.h>
    char *text = texts[next++ % ARRAY_SIZE(texts)];
    text_print(text, sizeof(texts[0]), "%ld", rc);
    return text;
}
