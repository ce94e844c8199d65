/* kv's protocol: one request in, its reply out. */
#ifndef GUEST_KIT_EXAMPLES_KV_COMMAND_H
#define GUEST_KIT_EXAMPLES_KV_COMMAND_H

#include <stddef.h>

struct kv_reply {
    char *bytes; /* malloc()ed, grows */
    size_t length, room;
};

/*
 * Carries out the request at the begin of `input`, if all of it is there: an array of bulk strings,
 * or a line of words. Returns the bytes it took; 0: more must come; -1: no such protocol, or no
 * memory for the reply.
 */
int kv_command(char *input, size_t size, struct kv_reply *reply);

#endif
