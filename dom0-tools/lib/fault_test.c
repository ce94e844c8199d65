/* Faults on demand, for tests: AXL_FAIL_AT=n fails at the n-th point that is passed. */
#include "lib/fault.h"

#include <errno.h>
#include <stdlib.h>

int fault_point(struct why *w, const char *file, int line)
{
    static int passed;
    const char *at = getenv("AXL_FAIL_AT");
    if (!at || ++passed != atoi(at))
        return 0;
    return why(w, -ECANCELED, "made to fail at point %d (%s:%d)", passed, file, line);
}
