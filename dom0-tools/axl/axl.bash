# bash completion for axl, made of what axl says of itself (`axl help --commands`, --options, --usage), so
# that a new command or option needs nothing here. Source it, or put it into
# /usr/share/bash-completion/completions/axl.

# The argument number $2 (from 1) of command $1 as its usage names it: Domain, ConfigFile, start|stop|list.
_axl_argument() {
    local usage word n=0
    usage=$(axl help --usage "$1" 2>/dev/null)
    # Options and their values go; what is left are <required> and [optional] words.
    while read -r word; do
        [[ $word == *-* && $word == '['* || $word == '[options]' || $word == '[vars]' ]] && continue
        n=$((n + 1))
        if [[ $n == "$2" || ($n -lt $2 && $word == *...) ]]; then
            echo "$word" | tr -d '[]<>.'
            return
        fi
    done < <(grep -oE '\[-[^]]*\]+|\[?<[^>]*>\]?(\.\.\.)?|\[[^]]*\](\.\.\.)?' <<<"$usage")
}

# What stands for such a name, one a line.
_axl_values() { # NAME WHAT-IS-TYPED
    case $1 in
    *DomainId*) axl list 2>/dev/null | awk 'NR > 1 { print $2 }' ;;
    NewDomainName) ;;
    *Domain*) axl list 2>/dev/null | awk 'NR > 1 { print $1 }' ;;
    *File | filename | Image | disk-spec* | FILE) compgen -f -- "$2" ;;
    DIR) compgen -d -- "$2" ;;
    *'|'*) tr '|' '\n' <<<"$1" | awk '/^ *[a-z]/ && !seen[$1]++ { print $1 }' ;;
    esac
}

_axl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd= i n=1 options word words
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] || { cmd=${COMP_WORDS[i]}; break; }
    done
    if [[ -z $cmd || $cmd == help ]]; then
        words=$(axl help --commands 2>/dev/null)
        [[ -n $cmd ]] || words+=" help"
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return
    fi
    options=$(axl help --options "$cmd" 2>/dev/null)
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(sed 's/ VALUE$//; s/\[=VALUE\]$/=/' <<<"$options")" -- "$cur"))
        return
    fi
    if [[ $prev == -* ]] && grep -qxF -e "$prev VALUE" <<<"$options"; then
        case $cmd:$prev in
        sched-credit2:-d | sched-credit2:--domain) words=$(_axl_values Domain "$cur") ;;
        autostart:-d | autostart:--dir) words=$(_axl_values DIR "$cur") ;;
        *:-f | *:--defconfig | run:-d | run:--disk | run:--ramdisk) words=$(_axl_values FILE "$cur") ;;
        esac
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return
    fi
    # How many words the command has before this one, options and their values left out.
    for ((i = i + 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word != -* ]]; then
            n=$((n + 1))
        elif grep -qxF -e "$word VALUE" <<<"$options"; then
            i=$((i + 1))
        fi
    done
    COMPREPLY=($(compgen -W "$(_axl_values "$(_axl_argument "$cmd" $n)" "$cur")" -- "$cur"))
}
complete -F _axl axl
