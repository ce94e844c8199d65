/* Console input, between the serial driver and its two readers. */
#ifndef X86_INPUT_H
#define X86_INPUT_H

#include "base/num.h"

/* A character has come in; true: dom0 now has something to read. Runs debug keys. */
bool input_take(char c);

#endif
