/* Serial ports of the 16550 family: polled output, input by interrupt or polling. */
#include "abi/abi.h"
#include "core/opt/opt.h"
#include "x86/asm.h"
#include "x86/console.h"

/* Registers (16550 data sheet): offsets from the port's base. */
#define UART_DATA    0
#define UART_IER     1
#define UART_FCR     2 /* written; read as IIR */
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_SCRATCH 7

#define IER_RECEIVE   0x01
#define FCR_ON_CLEAR  0x07
#define LCR_DLAB      0x80
#define MCR_DTR_RTS   0x03
#define MCR_OUT2      0x08 /* lets the interrupt out of the chip on PCs */
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_SIZE     16

static const char *parse_number(const char *p, uint32_t *value)
{
    uint64_t v;

    if (!opt_take_number(&p, &v) || v > UINT32_MAX)
        return NULL;
    *value = (uint32_t)v;
    return p;
}

/* Data bits, parity, stop bits: "8n1". */
static const char *parse_format(const char *p, uint8_t *lcr)
{
    static const char parity[] = "nomes", code[] = {0x00, 0x08, 0x28, 0x18, 0x38};

    if (p[0] < '5' || p[0] > '8')
        return NULL;
    *lcr = (uint8_t)(p[0] - '5');
    for (unsigned int i = 0; i < 5; i++) {
        if (p[1] != parity[i])
            continue;
        if (p[2] != '1' && p[2] != '2')
            return NULL;
        *lcr |= (uint8_t)(code[i] | (p[2] == '2' ? 4 : 0));
        return p + 3;
    }
    return NULL;
}

int uart_parse(struct uart *u, const char *text)
{
    const char *p = text;
    uint32_t v;

    u->clock = 1843200;
    u->format = 3;
    u->baud = 0;
    if (p[0] == 'a' && p[1] == 'u' && p[2] == 't' && p[3] == 'o')
        p += 4;
    else if (!(p = parse_number(p, &u->baud)) || !u->baud)
        return -XEN_EINVAL;
    if (*p == '/') {
        if (!(p = parse_number(p + 1, &u->clock)))
            return -XEN_EINVAL;
        u->clock *= 16; /* given as the UART's highest baud rate */
    }
    if (*p == ',' && !(p = parse_format(p + 1, &u->format)))
        return -XEN_EINVAL;
    if (*p == ',') {
        if (!(p = parse_number(p + 1, &v)) || v > 0xfff8 || !v)
            return -XEN_EINVAL;
        u->io = (uint16_t)v;
    }
    if (*p == ',') {
        if (!(p = parse_number(p + 1, &v)) || v > 255)
            return -XEN_EINVAL;
        u->irq = v ? (int)v : -1;
    }
    if (*p || (u->baud && (u->clock / 16 / u->baud - 1 > 0xffff - 1)))
        return -XEN_EINVAL;
    return 0;
}

void uart_start(struct uart *u)
{
    outb(u->io + UART_SCRATCH, 0x5a);
    u->up = inb(u->io + UART_SCRATCH) == 0x5a;
    if (!u->up)
        return;
    outb(u->io + UART_IER, 0);
    if (u->baud) {
        uint32_t divisor = u->clock / 16 / u->baud;

        outb(u->io + UART_LCR, (uint8_t)(u->format | LCR_DLAB));
        outb(u->io + UART_DATA, (uint8_t)divisor);
        outb(u->io + UART_IER, (uint8_t)(divisor >> 8));
    }
    outb(u->io + UART_LCR, u->format);
    outb(u->io + UART_FCR, FCR_ON_CLEAR);
    outb(u->io + UART_MCR, MCR_DTR_RTS);
}

/* A port that stops taking bytes must not stop the machine: it is looked at once per text from then
 * on. */
static bool takes_bytes(struct uart *u)
{
    unsigned int tries = u->stuck ? 1 : 1000000;

    u->stuck = true;
    while (u->stuck && tries--)
        u->stuck = !(inb(u->io + UART_LSR) & LSR_THR_EMPTY);
    return !u->stuck;
}

void uart_write(struct uart *u, const char *text, size_t n)
{
    while (n && takes_bytes(u)) {
        size_t chunk = n < FIFO_SIZE ? n : FIFO_SIZE;

        for (size_t i = 0; i < chunk; i++)
            outb(u->io + UART_DATA, (uint8_t)text[i]);
        text += chunk;
        n -= chunk;
    }
}

int uart_read(struct uart *u)
{
    uint8_t status = inb(u->io + UART_LSR);

    if (status == 0xff || !(status & LSR_DATA))
        return -1;
    return inb(u->io + UART_DATA);
}

void uart_irq_on(struct uart *u)
{
    outb(u->io + UART_MCR, MCR_DTR_RTS | MCR_OUT2);
    outb(u->io + UART_IER, IER_RECEIVE);
    (void)inb(u->io + UART_FCR); /* reading IIR drops what was pending */
}
