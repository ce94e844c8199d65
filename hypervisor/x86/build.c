/* The build's name, its id and the options it was started with. */
#include "port/build.h"
#include "dbg/dbg.h"
#include "x86/boot/info.h"

#define NOTE_HEADER 16 /* sizes and type, then the name "GNU" */

extern const uint8_t build_id_note[], build_id_end[];

const char build_name[] = "Argon (Xen ABI 4.17), compiler " __VERSION__;

const uint8_t *build_id(uint32_t *len)
{
    *len = build_id_end - build_id_note > NOTE_HEADER
               ? (uint32_t)(build_id_end - build_id_note) - NOTE_HEADER
               : 0;
    return build_id_note + NOTE_HEADER;
}

const char *build_command_line(void)
{
    return boot_info.args;
}
