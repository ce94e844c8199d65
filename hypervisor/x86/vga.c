/* VGA text mode: 80 by 25, scrolling, no colours. */
#include "x86/asm.h"
#include "x86/console.h"
#include "x86/cpu.h"

#define VGA_MADDR     0xb8000u
#define COLUMNS       80
#define ROWS          25
#define CRTC          0x3d4
#define CRTC_CURSOR   0x0e /* high byte; low follows */
#define GRAPHICS      0x3ce
#define GRAPHICS_MISC 6 /* bit 0: graphics mode */

static volatile uint16_t *screen;
static unsigned int at; /* cell */

static uint8_t crtc_read(uint8_t index)
{
    outb(CRTC, index);
    return inb(CRTC + 1);
}

static void crtc_write(uint8_t index, uint8_t v)
{
    outb(CRTC, index);
    outb(CRTC + 1, v);
}

bool vga_start(void)
{
    uint8_t was = crtc_read(CRTC_CURSOR);

    crtc_write(CRTC_CURSOR, (uint8_t)(was ^ 1));
    bool present = crtc_read(CRTC_CURSOR) == (uint8_t)(was ^ 1);
    crtc_write(CRTC_CURSOR, was);
    outb(GRAPHICS, GRAPHICS_MISC);
    if (!present || inb(GRAPHICS + 1) & 1)
        return false;
    screen = io_map(VGA_MADDR, COLUMNS * ROWS * 2, PTE_PCD | PTE_PWT);
    if (!screen)
        return false;
    for (unsigned int i = 0; i < COLUMNS * ROWS; i++)
        screen[i] = 0x0720;
    at = 0;
    return true;
}

static void scroll(void)
{
    for (unsigned int i = 0; i < COLUMNS * (ROWS - 1); i++)
        screen[i] = screen[i + COLUMNS];
    for (unsigned int i = COLUMNS * (ROWS - 1); i < COLUMNS * ROWS; i++)
        screen[i] = 0x0720;
    at -= COLUMNS;
}

void vga_write(const char *text, size_t n)
{
    for (; n; n--, text++) {
        if (*text == '\r')
            at -= at % COLUMNS;
        else if (*text == '\n')
            at += COLUMNS - at % COLUMNS;
        else if (*text == '\b' && at % COLUMNS)
            at--;
        else if ((uint8_t)*text >= ' ')
            screen[at++] = (uint16_t)(0x0700 | (uint8_t)*text);
        if (at >= COLUMNS * ROWS)
            scroll();
    }
    crtc_write(CRTC_CURSOR, (uint8_t)(at >> 8));
    crtc_write(CRTC_CURSOR + 1, (uint8_t)at);
}
