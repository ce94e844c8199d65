/* What load (a guest) and counts (a program of dom0) agree on. */
#ifndef TESTS_BOOT_GUEST_LOAD_H
#define TESTS_BOOT_GUEST_LOAD_H

#define LOAD_WORK_AT 4088 /* in the shared_info page, far behind what the ABI has there */

#endif
