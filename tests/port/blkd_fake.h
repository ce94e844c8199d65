/*
 * A machine around argon-blkd's rings (blkd/queue.c) for native tests: a guest's pages, a disk that
 * finishes when it is told to, a loop that turns when it is told to.
 */
#ifndef PORT_BLKD_FAKE_H
#define PORT_BLKD_FAKE_H

#include "blkd/disk.h"

enum { FAKE_PAGES = 512, FAKE_SECTORS = 4096 };

extern uint8_t *fake_page[FAKE_PAGES];                  /* grant reference N is page N */
extern uint8_t fake_disk[FAKE_SECTORS * REQ_SECTOR];    /* what a read gives */
extern uint8_t fake_platter[FAKE_SECTORS * REQ_SECTOR]; /* what would outlive a loss of power */
extern unsigned fake_notified, fake_unmasked;
extern unsigned fake_under_way; /* operations that the disk has */
extern int fake_disk_error;     /* what operations end with from now on */

void fake_start(void);
/* A process has died: its mappings, channels and jobs are gone; of what the disk had some is done.
 */
void fake_killed(unsigned random);
/* The guest signals. */
void fake_raise(void);
/* Runs what waits for the loop's next turn; false: nothing did. */
bool fake_turn(void);
/* Ends one of the disk's operations; false: there is none. */
bool fake_finish(unsigned which);

#endif
