# Sends an NMI before each instruction of a way in or out of the hypervisor under XPTI, while the
# property 'exits' runs. gdb has the machine and argon.elf's symbols; tests/boot/xpti/run reads what
# is printed. That the NMI came there is seen where its gate leads, that the guest's own CR3 is loaded at
# the exit that follows.

set pagination off
set confirm off

# What is loaded where nothing disturbs: the guest's own root, in which the hypervisor is not mapped.
hbreak *(long)&sysret_done
continue
delete
set $root = (unsigned long)$cr3

# sweep ADDRESS: from there on until the guarded section is left.
define sweep
    set $steps = 0
    set $on = 1
    while $on
        hbreak *($arg0)
        continue
        delete
        if $steps
            stepi $steps
        end
        set $at = (unsigned long)$pc
        if $at < (unsigned long)&guard_start || $at >= (unsigned long)&guard_end
            set $on = 0
        else
            monitor nmi
            hbreak *((unsigned long)&guarded_gates + 32)
            continue
            delete
            if *(unsigned long *)$rsp == $at
                printf "NMI before "
            else
                printf "no NMI before "
            end
            info symbol $at
            hbreak *(long)&sysret_done
            hbreak *(long)&iret_done
            continue
            delete
            if (unsigned long)$cr3 != $root
                printf "leaves with another CR3: %lx, not %lx\n", $cr3, $root
            end
            set $steps = $steps + 1
        end
    end
    printf "swept: %d\n", $steps
end

sweep (long)&guarded_syscall
sweep (long)&guarded_sysret
# By the gate of #GP: the NMI's own is part of what is done here.
sweep (long)&guarded_gates+13*16
sweep (long)&guarded_iret
detach
