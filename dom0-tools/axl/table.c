/* The table of commands: name, function, usage, help. */
#include "axl/axl.h"
#include "axl/cmd.h"

const struct cmd axl_cmds[] = {
    {"list", cmd_list, "[options] [Domain]...", "List information about all/some domains",
     "-l, --long              Output the configuration, as create takes it.\n"
     "-v, --verbose           Print also UUIDs and the reason of a shutdown.\n"
     "-n, --numa              Print also the NUMA node affinity.\n"
     "-Z, --context           Print also the security label.\n"
     "--json                  Answer in JSON."},
    {"destroy", cmd_destroy, "[-f] <Domain>", "Terminate a domain immediately",
     "-f                      Permit destroying domain 0."},
    {"shutdown", cmd_shutdown, "[options] <-a|Domain>", "Issue a shutdown signal to a domain",
     "-a, --all               Shut down all guests.\n"
     "-w, --wait              Wait for the end of the guest(s).\n"
     "-t, --timeout SECONDS   How long -w waits (300).\n"
     "-F                      Accepted for xl's sake; PV guests need no fallback."},
    {"reboot", cmd_reboot, "[options] <-a|Domain>", "Issue a reboot signal to a domain",
     "-a, --all               Reboot all guests.\n"
     "-w, --wait              Wait for the end of the present run.\n"
     "-t, --timeout SECONDS   How long -w waits (300)."},
    {"pause", cmd_pause, "<Domain>", "Pause execution of a domain", NULL},
    {"unpause", cmd_unpause, "<Domain>", "Unpause a paused domain", NULL},
    {"mem-max", cmd_mem_max, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>",
     "Set the maximum amount reservation for a domain", NULL},
    {"mem-set", cmd_mem_set, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>",
     "Set the current memory usage for a domain", NULL},
    {"vcpu-list", cmd_vcpu_list, "[Domain]...", "List the VCPUs for all/some domains",
     "--json                  Answer in JSON."},
    {"vcpu-pin", cmd_vcpu_pin, "[-f] <Domain> <VCPU|all> <Hard affinity|-|all> [Soft affinity]",
     "Set which CPUs a VCPU can use", NULL},
    {"vcpu-set", cmd_vcpu_set, "[-i] <Domain> <vCPUs>",
     "Set the number of active VCPUs allowed for the domain",
     "-i, --ignore-host       More vCPUs than the machine has CPUs are what you want."},
    {"vm-list", cmd_vm_list, "", "List domains by UUID", NULL},
    {"info", cmd_info, "[-n]", "Get information about the Xen host",
     "-n, --numa              Print also the topology.\n--json                  Answer in JSON."},
    {"sched-credit2", cmd_sched_credit2, "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-r US]]",
     "Get/set credit2 scheduler parameters",
     "-d DOMAIN               Domain to look at or change.\n"
     "-w WEIGHT               Weight (1 to 65535).\n"
     "-c CAP                  Cap (percent of one CPU, 0: none).\n"
     "-s [-r US]              Look at or change the rate limit."},
    {"domid", cmd_domid, "<DomainName>", "Convert a domain name to domain id", NULL},
    {"domname", cmd_domname, "<DomainId>", "Convert a domain id to domain name", NULL},
    {"domuuid", cmd_domuuid, "<Domain>", "Print a domain's UUID", NULL},
    {"domstate", cmd_domstate, "<Domain>", "Print a domain's state: a word and a reason", NULL},
    {"dominfo", cmd_dominfo, "<Domain>", "Print what is known of a domain", NULL},
    {"rename", cmd_rename, "<Domain> <NewDomainName>", "Rename a domain", NULL},
    {"trigger", cmd_trigger, "<Domain> <nmi|reset|init|power|sleep> [<VCPU>]",
     "Send a trigger to a domain", NULL},
    {"sysrq", cmd_sysrq, "<Domain> <letter>", "Send a sysrq to a domain", NULL},
    {"debug-keys", cmd_debug_keys, "<Keys>", "Send debug keys to Xen", NULL},
    {"dmesg", cmd_dmesg, "[-c]", "Read and/or clear dmesg buffer",
     "-c                      Clear the buffer after reading it."},
    {"uptime", cmd_uptime, "[-s] [Domain]...", "Print uptime for all/some domains",
     "-s, --short             Print the time of day too."},
    {"claims", cmd_claims, "", "List outstanding claim information about all domains", NULL},
    {"cpupool-list", cmd_cpupool_list, "", "List CPU pools on host", NULL},
};
const size_t axl_nr_cmds = sizeof axl_cmds / sizeof axl_cmds[0];
