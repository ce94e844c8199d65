/* The table of commands: name, function, usage, help. */
#include "axl/axl.h"
#include "axl/cmd.h"

const struct cmd axl_cmds[] = {
    {"create", cmd_create, "<ConfigFile> [options] [vars]",
     "Create a domain from config file <filename>",
     "-c                      Connect to the console after the domain is created.\n"
     "-p                      Leave the domain paused after it is created.\n"
     "-f FILE, --defconfig=FILE  Use the given configuration file.\n"
     "-n, --dryrun            Print the resulting configuration and do nothing.\n"
     "-q, --quiet             Quiet.\n"
     "-F                      Run in foreground until death of the domain.\n"
     "-e                      Do not wait in the background for the death of the domain.\n"
     "KEY=VALUE               A setting more; put text in quotes: 'name=\"web\"'.",
     ACTS},
    {"run", cmd_run, "[options] <Image> [WORD]...",
     "Run a unikernel with its console here, until it ends; its exit code is ours",
     "-m MIB, --memory=MIB    Memory (16).\n"
     "-d FILE, --disk=FILE    A disk, the next xvd; with a comma: a disk as in a configuration.\n"
     "--net[=BRIDGE]          A network interface on the bridge (xenbr0).\n"
     "-n NAME, --name=NAME    Its name (the image's and our process id).\n"
     "--vcpus=N               Virtual processors (1).  --ramdisk=FILE  An initial RAM disk.\n"
     "The words become its command line. Ctrl-] or a signal ends it. Exit: its exit code; 134: it\n"
     "crashed; 124: it still ran when we were ended; 1: it could not be run.",
     ACTS},
    {"config-update", cmd_config_update, "<Domain> <ConfigFile> [vars]",
     "Update a running domain's saved configuration, used when it is rebuilt for a reboot", NULL,
     ACTS},
    {"console", cmd_console, "[-t pv] [-n 0] [--log] <Domain>", "Attach to domain's console",
     "-l, --log               Print what is kept of it, also of a guest that is gone.\n"
     "Ctrl-] detaches.",
     QUERY},
    {"save", cmd_save, "[options] <Domain> <CheckpointFile>",
     "Save a domain state to restore later",
     "-c                      Leave the domain running after it is saved.\n"
     "-p                      Leave the domain paused after it is saved.",
     ACTS},
    {"restore", cmd_restore, "[options] [<ConfigFile>] <CheckpointFile>",
     "Restore a domain from a saved state",
     "-c                      Connect to the console after the domain is restored.\n"
     "-p                      Do not unpause it.\n"
     "-e                      Do not wait in the background for the death of the domain.\n"
     "-F                      Run in foreground until death of the domain.",
     ACTS},
    {"dump-core", cmd_dump_core, "<Domain> <filename>", "Core dump a domain", NULL, ACTS},
    {"gdb", cmd_gdb, "<Domain>",
     "Speak gdb's remote protocol for a PV guest: (gdb) target remote | axl gdb <Domain>", NULL,
     ACTS},
    {"top", cmd_top, "[-b] [-d SECONDS] [-i N]", "Monitor the domains in real time",
     "-b, --batch             Print plainly, one table after the other.\n"
     "-d, --delay SECONDS     Between two tables (3).\n"
     "-i, --iterations N      End after so many.\n"
     "--json                  As -b, each table an array in JSON.",
     QUERY},
    {"list", cmd_list, "[options] [Domain]...", "List information about all/some domains",
     "-l, --long              Output the configuration, as create takes it.\n"
     "-v, --verbose           Print also UUIDs and the reason of a shutdown.\n"
     "-n, --numa              Print also the NUMA node affinity.\n"
     "-c, --cpupool           Print also the CPU pool.\n"
     "-Z, --context           Print also the security label.\n"
     "--json                  Answer in JSON.",
     QUERY},
    {"destroy", cmd_destroy, "[-f] <Domain>", "Terminate a domain immediately",
     "-f                      Permit destroying domain 0.", ACTS},
    {"shutdown", cmd_shutdown, "[options] <-a|Domain>", "Issue a shutdown signal to a domain",
     "-a, --all               Shut down all guests.\n"
     "-w, --wait              Wait for the end of the guest(s).\n"
     "-t, --timeout SECONDS   How long -w waits (300).\n"
     "-F                      Accepted for xl's sake; PV guests need no fallback.",
     ACTS},
    {"reboot", cmd_reboot, "[options] <-a|Domain>", "Issue a reboot signal to a domain",
     "-a, --all               Reboot all guests.\n"
     "-w, --wait              Wait for the end of the present run.\n"
     "-t, --timeout SECONDS   How long -w waits (300).",
     ACTS},
    {"pause", cmd_pause, "<Domain>", "Pause execution of a domain", NULL, ACTS},
    {"unpause", cmd_unpause, "<Domain>", "Unpause a paused domain", NULL, ACTS},
    {"mem-max", cmd_mem_max, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>",
     "Set the maximum amount reservation for a domain", NULL, ACTS},
    {"mem-set", cmd_mem_set, "<Domain> <MemMB['b'|'k'|'m'|'g'|'t']>",
     "Set the current memory usage for a domain", NULL, ACTS},
    {"vcpu-list", cmd_vcpu_list, "[Domain]...", "List the VCPUs for all/some domains",
     "--json                  Answer in JSON.", QUERY},
    {"vcpu-pin", cmd_vcpu_pin, "[-f] <Domain> <VCPU|all> <Hard affinity|-|all> [Soft affinity]",
     "Set which CPUs a VCPU can use", NULL, ACTS},
    {"vcpu-set", cmd_vcpu_set, "[-i] <Domain> <vCPUs>",
     "Set the number of active VCPUs allowed for the domain",
     "-i, --ignore-host       More vCPUs than the machine has CPUs are what you want.", ACTS},
    {"vm-list", cmd_vm_list, "", "List domains by UUID", NULL, QUERY},
    {"info", cmd_info, "[-n]", "Get information about the Xen host",
     "-n, --numa              Print also the topology.\n--json                  Answer in JSON.",
     QUERY},
    {"sched-credit2", cmd_sched_credit2, "[-d <Domain> [-w[=WEIGHT]|-c[=CAP]]] [-s [-r US]]",
     "Get/set credit2 scheduler parameters",
     "-d DOMAIN               Domain to look at or change.\n"
     "-w WEIGHT               Weight (1 to 65535).\n"
     "-c CAP                  Cap (percent of one CPU, 0: none).\n"
     "-s [-r US]              Look at or change the rate limit.\n"
     "--json                  Answer in JSON.",
     QUERY},
    {"domid", cmd_domid, "<DomainName>", "Convert a domain name to domain id", NULL, QUERY},
    {"domname", cmd_domname, "<DomainId>", "Convert a domain id to domain name", NULL, QUERY},
    {"domuuid", cmd_domuuid, "<Domain>", "Print a domain's UUID", NULL, QUERY},
    {"domstate", cmd_domstate, "<Domain>", "Print a domain's state: a word and a reason", NULL,
     QUERY},
    {"dominfo", cmd_dominfo, "<Domain>", "Print what is known of a domain", NULL, QUERY},
    {"rename", cmd_rename, "<Domain> <NewDomainName>", "Rename a domain", NULL, ACTS},
    {"trigger", cmd_trigger, "<Domain> <nmi|reset|init|power|sleep> [<VCPU>]",
     "Send a trigger to a domain", NULL, ACTS},
    {"sysrq", cmd_sysrq, "<Domain> <letter>", "Send a sysrq to a domain", NULL, ACTS},
    {"debug-keys", cmd_debug_keys, "<Keys>", "Send debug keys to Xen", NULL, ACTS},
    {"dmesg", cmd_dmesg, "[-c]", "Read and/or clear dmesg buffer",
     "-c                      Clear the buffer after reading it.\n"
     "--json                  Answer in JSON, an array of lines.",
     QUERY},
    {"network-attach", cmd_network_attach, "<Domain> [bridge=BR] [mac=MAC] [KEY=VALUE]...",
     "Create a new virtual network device", NULL, ACTS},
    {"network-list", cmd_network_list, "<Domain>...",
     "List virtual network interfaces for a domain", "--json                  Answer in JSON.",
     QUERY},
    {"network-detach", cmd_network_detach, "<Domain> <DevId|mac>",
     "Destroy a domain's virtual network device",
     "-f, --force             Do not wait for the guest to agree.", ACTS},
    {"network-stat", cmd_network_stat, "<Domain>...",
     "Print counters of a domain's network interfaces, as the guest sees them",
     "--json                  Answer in JSON.", QUERY},
    {"block-attach", cmd_block_attach, "<Domain> <disk-spec-component(s)>...",
     "Create a new virtual block device", NULL, ACTS},
    {"block-list", cmd_block_list, "<Domain>...", "List virtual block devices for a domain",
     "--json                  Answer in JSON.", QUERY},
    {"block-detach", cmd_block_detach, "<Domain> <DevId|vdev>",
     "Destroy a domain's virtual block device",
     "-f, --force             Do not wait for the guest to agree.", ACTS},
    {"block-stat", cmd_block_stat, "<Domain>...",
     "Print counters of a domain's disks (requests, 512-byte sectors)",
     "--json                  Answer in JSON.", QUERY},
    {"uptime", cmd_uptime, "[-s] [Domain]...", "Print uptime for all/some domains",
     "-s, --short             Print the time of day too.", QUERY},
    {"claims", cmd_claims, "", "List outstanding claim information about all domains", NULL, QUERY},
    {"autostart", cmd_autostart, "[-d DIR] [-t SECONDS] <start|stop|list>",
     "Start or stop the guests of /etc/xen/auto, for dom0's own start and stop",
     "-d, --dir DIR           Another folder.\n"
     "-t, --timeout SECONDS   How long a guest may take to stop before it is destroyed (60).",
     QUERY},
    {"xenstore", cmd_xenstore, "<quota | quota set NAME N | check>",
     "Show what the xenstore allows each guest, and what each uses",
     "--json                  Answer in JSON (quota).", QUERY},
    {"dom0-init", cmd_dom0_init, "", "Write domain 0's own nodes, once after xenstored's start",
     NULL, ACTS},
    {"cpupool-list", cmd_cpupool_list, "[-c] [Pool]", "List CPU pools on host",
     "-c, --cpus              Print their CPUs by number.\n"
     "--json                  Answer in JSON.",
     QUERY},
};
const size_t axl_nr_cmds = sizeof axl_cmds / sizeof axl_cmds[0];
