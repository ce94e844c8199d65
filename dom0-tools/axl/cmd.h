/* Every command's function, in the order of its file. */
#ifndef AXL_CMD_H
#define AXL_CMD_H

struct axl;
#define CMD(name) int cmd_##name(struct axl *a, int argc, char **argv)

CMD(list);
CMD(vm_list);
CMD(claims);
CMD(info);
CMD(dmesg);
CMD(vcpu_list);
CMD(vcpu_set);
CMD(vcpu_pin);
CMD(pause);
CMD(unpause);
CMD(destroy);
CMD(shutdown);
CMD(reboot);
CMD(trigger);
CMD(sysrq);
CMD(debug_keys);
CMD(domid);
CMD(domname);
CMD(domuuid);
CMD(domstate);
CMD(dominfo);
CMD(rename);
CMD(uptime);
CMD(mem_set);
CMD(mem_max);
CMD(sched_credit2);
CMD(cpupool_list);
CMD(create);
CMD(run);
CMD(config_update);
CMD(console);
CMD(save);
CMD(restore);
CMD(dump_core);
CMD(gdb);
CMD(block_attach);
CMD(block_list);
CMD(block_detach);
CMD(block_stat);
CMD(network_attach);
CMD(network_list);
CMD(network_detach);
CMD(network_stat);
CMD(top);
CMD(autostart);
CMD(dom0_init);
CMD(xenstore);

#endif
