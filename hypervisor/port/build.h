/* What this build is. */
#ifndef PORT_BUILD_H
#define PORT_BUILD_H

#include "base/num.h"

/* The linker's build id; its length in *len, 0 if the link made none. */
const uint8_t *build_id(uint32_t *len);
/* The options that the boot loader gave. */
const char *build_command_line(void);

#endif
