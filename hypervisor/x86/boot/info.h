/* What the boot loader told us, in one form for multiboot 1 and 2. */
#ifndef X86_BOOT_INFO_H
#define X86_BOOT_INFO_H

#include "base/num.h"

#define BOOT_MODULES_MAX 4
#define BOOT_MAP_MAX     128
#define BOOT_TEXT_MAX    2048

struct boot_module {
    uint64_t start, end; /* machine addresses */
    char args[BOOT_TEXT_MAX];
};

struct boot_range {
    uint64_t start, size;
    uint32_t type; /* of the E820 table: 1 RAM, 2 reserved, 3 ACPI, 4 NVS, ... */
};

struct boot_info {
    char loader[64];
    char args[BOOT_TEXT_MAX]; /* the options, without the image's own name */
    struct boot_module module[BOOT_MODULES_MAX];
    unsigned int modules;
    struct boot_range map[BOOT_MAP_MAX];
    unsigned int ranges;
    uint8_t rsdp[36]; /* copy of the root pointer, if the loader gave one (multiboot 2) */
    unsigned int rsdp_len;
    /* UEFI's configuration tables: machine address (0: BIOS) and number; its revision. */
    uint64_t efi_tables;
    uint32_t efi_nr, efi_version;
};

extern struct boot_info boot_info;

/* Reads the loader's information (magic: EAX at entry; info: its machine address, mapped one to
 * one). Returns NULL, or a sentence that says what is wrong. */
const char *boot_read(uint32_t magic, uint32_t info);

#endif
