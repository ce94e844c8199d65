/* The log and the console: lines go to every device in use and to a ring that tools read.
 *
 * One lock covers devices and ring. Before console_setup() text only goes to the ring (and QEMU's
 * debug port); each device that comes up first prints what the ring holds. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/dom/domain.h"
#include "port/clock.h"
#include "port/console.h"
#include "port/lock.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/console.h"
#include "x86/irq.h"

#define RING_SIZE  65536u /* a power of two */
#define DEBUG_PORT 0xe9
#define PREFIX     "(argon) "

static struct lock lock = LOCK_INIT(RANK_LOG, "log");
static char ring[RING_SIZE];
static uint32_t ring_end, ring_start; /* free-running */
static bool line_open;                /* the last character was no newline */
static bool panicking;

static bool debug_port, vga_wanted, vga_up;
static struct uart com[2] = {{.io = 0x3f8, .irq = 4}, {.io = 0x2f8, .irq = 3}};
static bool com_wanted[2];

/* Lines up to `always` are printed; up to `limited` as the rate allows. */
struct threshold {
    int always, limited;
};
static struct threshold hv_level = {LOG_INFO, LOG_INFO};
static struct threshold guest_level = {-1, LOG_WARN};

/* Rate limit of guests' lines: a bucket of BURST that refills one each REFILL. */
#define BURST  10
#define REFILL (200 * NS_PER_MS)
static int bucket = BURST;
static ns_t bucket_at;
static uint32_t suppressed;

static bool enter(void) UNCHECKED
{
    if (__atomic_load_n(&panicking, __ATOMIC_RELAXED) || lock_held(&lock))
        return false;
    lock_take(&lock);
    return true;
}

static void leave(bool locked) UNCHECKED
{
    if (locked)
        lock_drop(&lock);
}

/* With "\n" as "\r\n", which a terminal on a serial line wants. */
static void serial_write(struct uart *u, const char *text, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) {
            uart_write(u, text + done, i - done);
            uart_write(u, "\r", 1);
            done = i;
        }
    uart_write(u, text + done, n - done);
}

static void devices_write(const char *text, size_t n)
{
    for (unsigned int i = 0; i < 2; i++)
        if (com_wanted[i] && com[i].up)
            serial_write(&com[i], text, n);
    if (vga_up)
        vga_write(text, n);
    if (debug_port)
        for (size_t i = 0; i < n; i++)
            outb(DEBUG_PORT, (uint8_t)text[i]);
}

static void ring_write(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring[ring_end++ % RING_SIZE] = text[i];
    if (ring_end - ring_start > RING_SIZE)
        ring_start = ring_end - RING_SIZE;
}

static void write_all(const char *text, size_t n)
{
    if (!n)
        return;
    ring_write(text, n);
    devices_write(text, n);
    line_open = text[n - 1] != '\n';
}

/* Text of ours: each new line is marked. */
static void write_marked(const char *text)
{
    while (*text) {
        size_t n = 0;

        while (text[n] && text[n++] != '\n')
            ;
        if (!line_open)
            write_all(PREFIX, sizeof(PREFIX) - 1);
        write_all(text, n);
        text += n;
    }
}

void console_init(void)
{
    debug_port = inb(DEBUG_PORT) == DEBUG_PORT;
}

/* What the ring holds, to a device that has just come up: a serial port, or with NULL the
 * screen. */
static void catch_up(struct uart *u)
{
    for (uint32_t at = ring_start, n; at != ring_end; at += n) {
        n = (uint32_t)min_u64(ring_end - at, RING_SIZE - at % RING_SIZE);
        if (u)
            serial_write(u, ring + at % RING_SIZE, n);
        else
            vga_write(ring + at % RING_SIZE, n);
    }
}

static void parse_console(const char *text)
{
    com_wanted[0] = com_wanted[1] = vga_wanted = false;
    while (*text) {
        size_t n = 0;

        while (text[n] && text[n] != ',')
            n++;
        if (text_is(text, n, "com1"))
            com_wanted[0] = true;
        else if (text_is(text, n, "com2"))
            com_wanted[1] = true;
        else if (text_is(text, n, "vga"))
            vga_wanted = true;
        else if (!text_is(text, n, "none"))
            log_warn("console=%s: '%.*s' is none of com1, com2, vga, none\n", text, (int)n, text);
        text += n + (text[n] == ',');
    }
}

void console_setup(const char *console, const char *com1, const char *com2)
{
    const char *text[2] = {com1, com2};

    com_wanted[0] = vga_wanted = true;
    if (console)
        parse_console(console);
    for (unsigned int i = 0; i < 2; i++) {
        if (!text[i])
            continue;
        if (uart_parse(&com[i], text[i])) {
            log_warn("com%u=%s: not understood; expected e.g. 115200,8n1,0x3f8,4\n", i + 1,
                     text[i]);
            continue;
        }
        uart_start(&com[i]);
        if (com[i].up && com_wanted[i])
            catch_up(&com[i]);
        else if (!com[i].up)
            log_warn("com%u: no serial port answers at port 0x%x\n", i + 1, com[i].io);
    }
}

void console_map(void)
{
    if (!vga_wanted || !vga_start())
        return;
    vga_up = true;
    catch_up(NULL);
}

void console_leave_vga(void)
{
    vga_up = false;
}

int console_getc(void)
{
    for (unsigned int i = 0; i < 2; i++)
        if (com[i].up && com_wanted[i]) {
            int c = uart_read(&com[i]);

            if (c >= 0)
                return c;
        }
    return -1;
}

static void serial_interrupt(void *arg)
{
    (void)arg;
    console_poll();
}

void console_input_start(void)
{
    for (unsigned int i = 0; i < 2; i++) {
        int irq = com[i].irq;

        if (!com[i].up || !com_wanted[i] || irq < 0)
            continue;
        int error = irq_gsi_handler(irq < ISA_IRQS ? machine_info.isa[irq].gsi : (unsigned int)irq,
                                    serial_interrupt, NULL);
        if (error)
            log_warn("com%u: interrupt %d cannot be had: no input\n", i + 1, irq);
        else
            uart_irq_on(&com[i]);
    }
}

bool console_owns_port(uint16_t port)
{
    for (unsigned int i = 0; i < 2; i++)
        if (com[i].up && com_wanted[i] && (port & ~7) == com[i].io)
            return true;
    return false;
}

static int parse_level(const char *p, size_t n)
{
    static const struct {
        const char *name;
        int level;
    } names[] = {
        {"none", -1},       {"error", LOG_ERR},   {"warning", LOG_WARN},
        {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"all", LOG_DEBUG},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        if (text_is(p, n, names[i].name))
            return names[i].level;
    return -2;
}

static int parse_threshold(const char *text, struct threshold *t)
{
    size_t n = 0;
    int always, limited;

    while (text[n] && text[n] != '/')
        n++;
    always = limited = parse_level(text, n);
    if (text[n] == '/')
        limited = parse_level(text + n + 1, strlen(text + n + 1));
    if (always < -1 || limited < -1)
        return -XEN_EINVAL;
    t->always = always;
    t->limited = limited > always ? limited : always;
    return 0;
}

int log_level_option(const char *text)
{
    return parse_threshold(text, &hv_level);
}

int log_guest_level_option(const char *text)
{
    return parse_threshold(text, &guest_level);
}

/* May a rate-limited line go out now? Needs the log's lock. */
static bool rate_allows(void)
{
    ns_t t = now();

    if (t - bucket_at >= REFILL) {
        int64_t more = (t - bucket_at) / REFILL;

        bucket = more > BURST - bucket ? BURST : bucket + (int)more;
        bucket_at = t;
    }
    if (bucket > 0) {
        bucket--;
        return true;
    }
    suppressed++;
    return false;
}

static void write_line(const char *mark, const char *fmt, va_list args)
{
    char line[512];

    if (suppressed && bucket > 0) {
        char note[64];

        log_format(note, sizeof(note), "%u guest lines left out\n", suppressed);
        suppressed = 0;
        write_marked(note);
    }
    int n = log_format(line, sizeof(line), "%s", mark);
    log_vformat(line + n, sizeof(line) - (unsigned int)n, fmt, args);
    write_marked(line);
}

/* The line `fmt`, where the level of `t` or the rate allows. */
static void log_line(const struct threshold *t, enum log_level level, const char *mark,
                     const char *fmt, va_list args)
{
    bool locked = enter();

    if ((int)level <= t->always || rate_allows())
        write_line(mark, fmt, args);
    leave(locked);
}

void log_at(enum log_level level, const char *fmt, ...)
{
    va_list args;

    if ((int)level > hv_level.limited)
        return;
    va_start(args, fmt);
    log_line(&hv_level, level, "", fmt, args);
    va_end(args);
}

void log_guest(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    char mark[16];
    va_list args;

    if ((int)level > guest_level.limited)
        return;
    log_format(mark, sizeof(mark), "d%u: ", d->id);
    va_start(args, fmt);
    log_line(&guest_level, level, mark, fmt, args);
    va_end(args);
}

void console_write(const char *text, size_t n)
{
    bool locked = enter();

    /* Not into the ring: dom0 keeps its own log, and would push ours out. */
    if (n) {
        devices_write(text, n);
        line_open = text[n - 1] != '\n';
    }
    leave(locked);
}

void console_panic(void)
{
    __atomic_store_n(&panicking, true, __ATOMIC_RELAXED);
    if (line_open)
        write_all("\n", 1);
}

uint32_t log_ring_read(uint32_t *at, char *to, uint32_t room)
{
    bool locked = enter();
    uint32_t n = 0;

    /* Ahead of the end, or so far behind that it is gone: start with what there is. */
    if (*at - ring_start > ring_end - ring_start)
        *at = ring_start;
    while (n < room && *at != ring_end)
        to[n++] = ring[(*at)++ % RING_SIZE];
    leave(locked);
    return n;
}

void log_notify(void)
{
    static uint32_t told;
    uint32_t end = __atomic_load_n(&ring_end, __ATOMIC_RELAXED);

    if (end == told)
        return;
    told = end;
    evt_raise_virq_global(VIRQ_CON_RING);
}

void log_ring_clear(void)
{
    bool locked = enter();

    ring_start = ring_end;
    leave(locked);
}
