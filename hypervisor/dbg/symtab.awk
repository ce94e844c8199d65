# Makes assembler of `nm -n` output: function names and addresses for dbg/syms.c.
BEGIN { n = 0; length_names = 0; base = "0xffff820040000000" }
$2 ~ /^[tTwW]$/ && $3 !~ /^[.$]/ { address[n] = "0x" $1; name[n] = $3; n++ }
$3 == "image_rodata" { end = "0x" $1 }
END {
    if (n) { address[n] = end; name[n] = "end"; n++ }
    print "        .section .symtab_blob, \"a\""
    print "        .globl symtab_base, symtab_count, symtab, symtab_names"
    print "        .hidden symtab_base, symtab_count, symtab, symtab_names"
    print "        .balign 8"
    print "symtab_base: .quad " base
    print "symtab_count: .long " n
    print "        .balign 8"
    print "symtab:"
    for (i = 0; i < n; i++) {
        print "        .long " address[i] " - " base ", " length_names
        length_names += length(name[i]) + 1
    }
    print "symtab_names:"
    for (i = 0; i < n; i++)
        print "        .asciz \"" name[i] "\""
    print "        .byte 0"
    print "        .section .note.GNU-stack, \"\", @progbits"
}
