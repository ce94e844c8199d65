# bash completion for axl: commands, then domains, files or options.
_axl() {
    local cur=${COMP_WORDS[COMP_CWORD]} cmd= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] || { cmd=${COMP_WORDS[i]}; break; }
    done
    if [[ -z $cmd ]]; then
        COMPREPLY=($(compgen -W "help $(axl help 2>/dev/null | awk '/^ [a-z]/ { print $1 }')" -- "$cur"))
        return
    fi
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--help --json $(axl help "$cmd" 2>/dev/null |
            grep -oE '^-[a-zA-Z]|--[a-z-]+' | sort -u)" -- "$cur"))
        return
    fi
    case $cmd in
    help) COMPREPLY=($(compgen -W "$(axl help 2>/dev/null | awk '/^ [a-z]/ { print $1 }')" -- "$cur")) ;;
    create | restore | run) COMPREPLY=($(compgen -f -- "$cur")) ;;
    autostart) COMPREPLY=($(compgen -W "start stop list" -- "$cur")) ;;
    xenstore) COMPREPLY=($(compgen -W "quota check" -- "$cur")) ;;
    domname) COMPREPLY=($(compgen -W "$(axl list 2>/dev/null | awk 'NR > 1 { print $2 }')" -- "$cur")) ;;
    info | dmesg | debug-keys | cpupool-list | claims | vm-list | top | dom0-init) ;;
    *)
        COMPREPLY=($(compgen -W "$(axl list 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur"))
        case $cmd in
        save | dump-core | config-update | block-attach) COMPREPLY+=($(compgen -f -- "$cur")) ;;
        trigger) COMPREPLY+=($(compgen -W "nmi reset init power sleep" -- "$cur")) ;;
        esac
        ;;
    esac
}
complete -F _axl axl
