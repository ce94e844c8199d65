/* The console: serial ports, VGA text, QEMU's debug port, and the ring that remembers it all.
 *
 * Order at boot: console_init() first of all; console_setup() when the options are known;
 * console_map() when io_map() works; console_input_start() when interrupts do. */
#ifndef X86_CONSOLE_H
#define X86_CONSOLE_H

#include <stdarg.h>

#include "base/num.h"

/* Finds the debug port (0xe9). Until console_setup() other output is kept and then caught up. */
void console_init(void);

/* Options' texts, NULL where not given: console= (list of com1, com2, vga, none; default com1,vga),
 * com1= and com2= (BAUD[/CLOCK],DPS[,IO[,IRQ]], e.g. 115200,8n1,0x3f8,4; BAUD 'auto' keeps what the
 * firmware set). Without com1= and com2= no serial port is touched, as with Xen. Wrong texts are
 * reported in the log and ignored. */
void console_setup(const char *console, const char *com1, const char *com2);

/* VGA text, if there is one and console= names it. */
void console_map(void);

/* dom0 is about to use the screen: stop writing to it. */
void console_leave_vga(void);

/* Input by interrupt from now on. Needs gsi_init(). */
void console_input_start(void);

/* Level options: LEVEL[/RATE_LIMITED_LEVEL], none error warning info debug all. 0, -XEN_EINVAL. */
int log_level_option(const char *text);
int log_guest_level_option(const char *text);

/* Writes bytes as they are, to devices and ring. */
void console_write(const char *text, size_t n);

/* From now on nothing waits for the console's lock: this CPU is about to end the machine. */
void console_panic(void);

/* Fetches characters that wait in the serial port; tells dom0, or leaves keys for WORK_KEY. */
void console_poll(void);
/* The next such character, -1: none. */
int console_getc(void);

/* Does a serial port of ours answer here? Then guests must not see it. */
bool console_owns_port(uint16_t port);

/* ---- devices, used by log.c only ------------------------------------------------------------ */

struct uart {
    uint16_t io;
    int irq;        /* -1: none, poll */
    uint32_t baud;  /* 0: leave as it is */
    uint32_t clock; /* Hz; 1843200 */
    uint8_t format; /* line control register: data bits, parity, stop bits */
    bool up;
    bool stuck; /* took no byte for long */
};

/* Parses an option's text into *u, whose io and irq hold the defaults. 0, -XEN_EINVAL. */
int uart_parse(struct uart *u, const char *text);
/* Programs it; u->up tells whether one answered. */
void uart_start(struct uart *u);
void uart_write(struct uart *u, const char *text, size_t n);
int uart_read(struct uart *u); /* a character, or -1 */
void uart_irq_on(struct uart *u);

/* As log_format() of port/log.h. */
int log_vformat(char *buf, unsigned int size, const char *fmt, va_list args);

bool vga_start(void);
void vga_write(const char *text, size_t n);

#endif
