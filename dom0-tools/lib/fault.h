/*
 * Places where a test can make `create` and `restore` fail: the n-th one passed fails when the
 * environment says AXL_FAIL_AT=n, in the build for tests only (fault_test.c instead of fault.c).
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

#include <stddef.h>

#include "lib/why.h"

int fault_point(struct why *w, const char *file, int line);
#define FAULT(w) fault_point((w), __FILE__, __LINE__)

/* In the child that reads a kernel, once it has given up its privileges: AXL_READER says how a
 * hostile file is to have taken it over. `report` is what the parent will look at. */
void fault_reader(void *report, size_t len);

#endif
