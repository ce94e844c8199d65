/* Where the image lies: linked at IMAGE_VIRT, loaded at IMAGE_PHYS. Page-aligned borders let each
 * part have its own permissions (x86/paging.c). */
#include "x86/layout.h"

OUTPUT_FORMAT(elf64-x86-64)
ENTRY(start32)

SECTIONS
{
    . = IMAGE_VIRT;
    image_start = .;
    .text : AT(IMAGE_PHYS) {
        KEEP(*(.multiboot))
        *(.text.boot)
        *(.text .text.*)
        . = ALIGN(4096); /* all that XPTI leaves mapped of the code */
        guard_start = .;
        *(.guard)
        . = ALIGN(4096);
        guard_end = .;
    }
    . = ALIGN(4096);
    image_rodata = .;
    .rodata : {
        *(.rodata .rodata.*)
        . = ALIGN(8);
        extable_start = .;
        KEEP(*(.extable))
        extable_end = .;
        guard_sites_start = .;
        KEEP(*(.guard_sites))
        guard_sites_end = .;
        guard_exits_start = .;
        KEEP(*(.guard_exits))
        guard_exits_end = .;
        . = ALIGN(4);
        build_id_note = .;
        KEEP(*(.note.gnu.build-id))
        build_id_end = .;
        . = ALIGN(8);
        KEEP(*(.symtab_blob))
    }
    . = ALIGN(4096);
    image_data = .;
    .data : {
        *(.data .data.*)
    }
    . = ALIGN(4096);
    .bss : {
        image_bss = .;
        *(.bss.aligned)
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
    }
    image_end = .;
    /DISCARD/ : {
        *(.comment .eh_frame .note.GNU-stack .note.gnu.property)
    }
}
