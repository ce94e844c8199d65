/*
 * Guest memory of native tests: FAKE_GUEST_BYTES at FAKE_GUEST_VA (fake.h). In two-faced mode a
 * second read of the same bytes since fake_guest_call() returns other ones: whoever checks one
 * reading and uses another is found.
 */
#ifndef TESTS_PORT_GUESTMEM_H
#define TESTS_PORT_GUESTMEM_H

int guest_read(void *to, uint64_t va, size_t len);
int guest_write(uint64_t va, const void *from, size_t len);
int guest_read32(uint32_t *to, uint64_t va);
int guest_read64(uint64_t *to, uint64_t va);
int guest_write64(uint64_t va, uint64_t value);
int guest_write16(uint64_t va, uint16_t value);

#endif
