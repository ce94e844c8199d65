/*
 * axl's configuration: the xl.cfg grammar, keys, disk and vif lines, cpu sets, and the round trip
 * through libxl's JSON.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/cfg.h"
#include "lib/gconf.h"
#include "lib/json.h"
#include "unit/check.h"

static void grammar(void)
{
    static const struct {
        const char *text;
        int want;         /* 0 or part of the sentence follows */
        const char *says; /* NULL: parses */
    } cases[] = {
        {"", 0, NULL},
        {"# only a comment", 0, NULL},
        {"a = 1", 0, NULL},
        {"a=1;b='x'\n\nc = [ 'p',\n  'q', ] # list", 0, NULL},
        {"a = \"x\\x41\\101\\n\"", 0, NULL},
        {"vm = [[1,2],[3]]", 0, NULL},
        {"a = 0x10", 0, NULL},
        {"a", -1, "f:1: the file ends where '=' should be"},
        {"\na = \n", -1, "f:2: the line ends where a value"},
        {"a = 'x", -1, "f:1: a text is not closed"},
        {"a = 'x\n'", -1, "f:1: a text is not closed"},
        {"a = 12z", -1, "f:1: 'z' where the end of a number"},
        {"a = [1 2]", -1, "f:1: '2' where ',' or ']'"},
        {"1 = a", -1, "f:1: '1' where a key"},
        {"a = 'x' b", -1, "f:1: 'b' where the end of the line"},
        {"a = '\\q'", -1, "unknown escape"},
        {"a = [[[[[[1]]]]]]", -1, "nested"},
        {"a = 1\na += [1]", -1, "+= joins"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cfg c;
        struct why w = {""};
        int rc = cfg_parse(&c, "f", cases[i].text, strlen(cases[i].text), &w);
        CHECK((rc == 0) == !cases[i].says);
        if (cases[i].says && !CHECK(strstr(w.text, cases[i].says) != NULL))
            printf("  case %zu: %s\n", i, w.text);
        if (!rc)
            cfg_free(&c);
    }
    struct cfg c;
    struct why w;
    const char *t = "a='x'\na += 'y'\nl=['p']\nl+=['q','r']\nb=1\nb=2";
    CHECK_EQ(cfg_parse(&c, "f", t, strlen(t), &w), 0);
    CHECK_EQ(c.nr, 3);
    CHECK_STR(c.settings[0].value.text, "xy");
    CHECK_EQ(c.settings[1].value.nr, 3);
    CHECK_STR(c.settings[2].value.text, "2");
    cfg_free(&c);
}

static void cpu_sets(void)
{
    struct cpus c;
    char t[64];
    CHECK(cpus_parse(&c, "0-3,^1, 5"));
    cpus_format(&c, 8, t, sizeof t);
    CHECK_STR(t, "0,2-3,5");
    CHECK(cpus_parse(&c, "all,^0"));
    cpus_format(&c, 4, t, sizeof t);
    CHECK_STR(t, "1-3");
    CHECK(!cpus_parse(&c, ""));
    CHECK(!cpus_parse(&c, "3-1"));
    CHECK(!cpus_parse(&c, "512"));
    CHECK(!cpus_parse(&c, "1,"));
    CHECK(!cpus_parse(&c, "^all"));
    CHECK(!cpus_parse(&c, "99999999999999999999"));
}

static void vdevs(void)
{
    CHECK_EQ(gconf_vdev_number("xvda"), 51712);
    CHECK_EQ(gconf_vdev_number("xvda1"), 51713);
    CHECK_EQ(gconf_vdev_number("xvdb"), 51728);
    CHECK_EQ(gconf_vdev_number("xvdq"), 1 << 28 | 16 << 8);
    CHECK_EQ(gconf_vdev_number("xvdaa"), 1 << 28 | 26 << 8);
    CHECK_EQ(gconf_vdev_number("hda"), 768);
    CHECK_EQ(gconf_vdev_number("hdd"), 22 << 8 | 64);
    CHECK_EQ(gconf_vdev_number("sdb2"), 8 << 8 | 18);
    CHECK_EQ(gconf_vdev_number("d1p2"), 202 << 8 | 16 | 2);
    CHECK_EQ(gconf_vdev_number("51712"), 51712);
    static const char *const bad[] = {
        "",  "xvd", "xvdA", "foo", "xvda1x", "hde", "xvdzzzzzzzzzzz", "99999999999999999999",
        "d", "d1p", "sdq"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!CHECK(gconf_vdev_number(bad[i]) < 0))
            printf("  '%s'\n", bad[i]);
}

static void disks(void)
{
    static const struct {
        const char *spec, *path, *vdev;
        bool writable, cdrom;
    } good[] = {
        {"/d.img,raw,xvda,w", "/d.img", "xvda", true, false},
        {"/d.img,,xvda", "/d.img", "xvda", false, false},
        {"phy:/dev/vg/a,xvdb,r", "/dev/vg/a", "xvdb", false, false},
        {"file:/a,xvda1,w", "/a", "xvda1", true, false},
        {"vdev=xvdc, format=raw, access=rw, target=/a,b=c", "/a,b=c", "xvdc", true, false},
        {"format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/iso", "/iso", "hdc", false, true},
        {"/x=y/d.img,raw,xvda,rw", "/x=y/d.img", "xvda", true, false},
    };
    static const char *const bad[] = {"",
                                      "/d.img",
                                      "/d,qcow2,xvda,w",
                                      "/d,raw,xvda,x",
                                      "/d,raw,nope,w",
                                      "/d,raw,xvda,w,z",
                                      "vdev=xvda",
                                      "/d,raw,xvda,w,foo=1",
                                      "/d,raw,xvda,w,access=r",
                                      "tap:qcow2:/d,xvda,w",
                                      "/d,raw,xvda,w,backendtype=qdisk",
                                      "/d,raw,xvda,w,backend=net"};
    struct gconf_disk d;
    struct why w;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        w.text[0] = 0;
        if (!CHECK_EQ(gconf_disk_parse(&d, good[i].spec, &w), 0)) {
            printf("  '%s': %s\n", good[i].spec, w.text);
            continue;
        }
        CHECK_STR(d.path, good[i].path);
        CHECK_STR(d.vdev, good[i].vdev);
        CHECK_EQ(d.readwrite, good[i].writable);
        CHECK_EQ(d.cdrom, good[i].cdrom);
        gconf_disk_free(&d);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!CHECK(gconf_disk_parse(&d, bad[i], &w) < 0))
            printf("  '%s'\n", bad[i]);
}

static void nics(void)
{
    static const char *const bad[] = {"foo=1",      "mac=00:16",       "mac=01:16:3e:00:00:00",
                                      "rate=10",    "rate=10Mb/s@0ms", "bridge=",
                                      "word",       "mtu=12",          "model=e1000",
                                      "type=ioemu", "devid=x",         "bridge=a,bridge=b"};
    struct gconf_nic n;
    struct why w;
    CHECK_EQ(gconf_nic_parse(&n, "mac=00:16:3e:11:22:33, bridge=br0,rate=10Mb/s,mtu=9000", &w), 0);
    CHECK_EQ(n.mac[5], 0x33);
    CHECK_STR(n.bridge, "br0");
    CHECK_EQ(n.rate_bytes, 62500);
    CHECK_EQ(n.rate_usecs, 50000);
    CHECK_EQ(n.mtu, 9000);
    gconf_nic_free(&n);
    CHECK_EQ(gconf_nic_parse(&n, "", &w), 0);
    gconf_nic_free(&n);
    CHECK_EQ(gconf_nic_parse(&n, "rate=1MB/s@20ms", &w), 0);
    CHECK_EQ(n.rate_bytes, 20000);
    gconf_nic_free(&n);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!CHECK(gconf_nic_parse(&n, bad[i], &w) < 0))
            printf("  '%s'\n", bad[i]);
}

static int cfg(struct gconf *g, const char *text, struct why *w)
{
    gconf_init(g);
    w->text[0] = 0;
    return gconf_from_cfg(g, "g.cfg", text, strlen(text), NULL, w);
}

static void keys(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"name='x'\nmemroy=3", "g.cfg:2: memroy: no such key"},
        {"vfb=['x']", "g.cfg:1: vfb: not supported"},
        {"bootloader='pygrub'", "pvgrub"},
        {"type='hvm'", "only PV"},
        {"memory='lots'", "g.cfg:1: memory: 'lots' is no number"},
        {"vcpus=0", "g.cfg:1: vcpus: 0 is outside"},
        {"disk='x'", "must be a list"},
        {"on_crash='explode'", "must be destroy"},
        {"cpus='x'", "no set of cpus"},
        {"\n\nchannel=['name=a']", "g.cfg:3: channel: not supported: argon-consoled serves"},
        {"iomem=['a0,1']", "g.cfg:1: iomem: not supported: hardware cannot be given"},
        {"cpuid='sse3=0'", "g.cfg:1: cpuid: must begin with host"},
        {"cpuid='host,warp=1'", "'warp' is no feature's name"},
        {"cpuid='host,avx'", "'avx' is not KEY=VALUE"},
        {"cpuid='host,avx=2'", "must be 0, 1, x, k or s"},
        {"cpuid='host,avx=10'", "must be 0, 1, x, k or s"},
        {"cpuid='host,stepping=16'", "stepping: '16' is no number up to 15"},
        {"cpuid='host,family=271'", "is no number up to 270"},
        {"cpuid='host,rdcl-no=0'", "told by an MSR"},
        {"cpuid=['1:ecx=x']", "item 1: ecx must have 32 characters"},
        {"cpuid=['1:rax=x']", "'rax' must be eax"},
        {"cpuid=['1:edx']", "is not REGISTER=BITS"},
        {"cpuid=['one:ecx=x']", "must begin with LEAF:"},
        {"cpuid=['7,:ecx=x']", "must begin with LEAF:"},
    };
    struct gconf g;
    struct why w;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(cfg(&g, bad[i].text, &w) < 0);
        if (!CHECK(strstr(w.text, bad[i].says) != NULL))
            printf("  '%s' gave: %s\n", bad[i].text, w.text);
        gconf_free(&g);
    }
    CHECK_EQ(cfg(&g, "name='a'\nmemory=64\nmaxmem=32\nkernel='/k'", &w), 0);
    CHECK(gconf_complete(&g, true, &w) < 0);
    gconf_free(&g);
    CHECK_EQ(cfg(&g, "root='/dev/xvda ro'\nextra='quiet'", &w), 0);
    CHECK_STR(g.cmdline, "root=/dev/xvda ro quiet");
    CHECK(gconf_complete(&g, true, &w) < 0); /* no name */
    gconf_free(&g);
}

/* Both spellings of one wish come to the same, and to what is asked. */
static void cpuids(void)
{
    struct gconf a, b;
    struct why w;
    CHECK_EQ(cfg(&a, "cpuid='host,tm1=0,sse3=0,lahf_lm=1,LAHF-LM=k,avx2=s'", &w), -EINVAL);
    gconf_free(&a);
    CHECK_EQ(
        cfg(&a, "cpuid='host,tm1=0,sse3=0,sse4.1=1,sse4_2=k,avx2=s,family=0x17,model=0x31'", &w),
        0);
    CHECK_EQ(cfg(&b,
                 "cpuid=['1:eax=xxxx000010000011xxxx11110001xxxx,"
                 "ecx=xxxxxxxxxxxk1xxxxxxxxxxxxxxxxxx0,"
                 "edx=xx0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx',"
                 "'7,0:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxsxxxxx']",
                 &w),
             0);
    CHECK_EQ(a.cpuid.nr, 2);
    CHECK_EQ(b.cpuid.nr, 2);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < CPUID_REGS; k++)
            CHECK_STR(a.cpuid.rule[i].bits[k], b.cpuid.rule[i].bits[k]);
    CHECK_EQ(b.cpuid.rule[1].subleaf, 0);
    xen_cpuid_leaf_t guest[2] = {{1, CPUID_NO_SUBLEAF, 0xf00f0f0f, 2, 0x100001, ~0u},
                                 {7, 0, 1, 0, 3, 4}};
    const xen_cpuid_leaf_t host[2] = {{1, CPUID_NO_SUBLEAF, 5, 6, 0xffffffff, 0},
                                      {7, 0, 0, 0x21, 0, 0}};
    CHECK_EQ(cpuid_apply(&a.cpuid, guest, 2, host, 2, &w), 0);
    CHECK_EQ(guest[0].a, 0xf0830f1f);
    CHECK_EQ(guest[0].b, 2);
    CHECK_EQ(guest[0].c,
             0x180000); /* sse3 off, 4.1 on, 4.2 as the host's; bit 20 was the guest's */
    CHECK_EQ(guest[0].d, ~(1u << 29));
    CHECK_EQ(guest[1].b, 0x20);
    CHECK_EQ(guest[1].c, 3);
    CHECK_EQ(cpuid_apply(&a.cpuid, guest, 1, host, 2, &w), -EOPNOTSUPP);
    CHECK(strstr(w.text, "leaf 0x7"));
    gconf_free(&a);
    gconf_free(&b);
}

/* Any bytes go out as JSON that a strict parser takes, and come back as they were. */
static void test_json_bytes(void)
{
    static const char *const given[] = {
        "plain",
        "gr\303\274n \342\202\254 \360\237\220\247",
        "gr\374n",
        "\377\376\200",
        "cut \342\202",
        "\300\200 \355\240\200 \364\220\200\200 \370\210\200\200\200",
        "\364\217\276\200\364\217\277\277 \364\217\275\277",
        "\1\n\"\\\177"};
    char random_bytes[40];
    srandom(3);
    for (size_t i = 0; i < 20000; i++) {
        const bool listed = i < sizeof given / sizeof given[0];
        for (size_t k = 0; k < sizeof random_bytes; k++)
            random_bytes[k] = (char)(k + 1 == sizeof random_bytes ? 0 : 1 + random() % 255);
        /* Often the bytes that begin characters of four. */
        if (!listed && i % 2)
            memcpy(random_bytes + random() % 30, "\364\217\276\277", 4);
        const char *text = listed ? given[i] : random_bytes;
        struct json *j = json_new();
        struct why w = {""};
        json_map(j, NULL);
        json_string(j, text, text);
        json_map_end(j);
        yajl_val v = json_parse(json_text(j, NULL), &w); /* it refuses what is not UTF-8 */
        if (CHECK(v && v->u.object.len == 1)) {
            char *back = json_strdup(v->u.object.values[0]);
            CHECK_STR(back, text);
            free(back);
        }
        if (i == 2)
            CHECK(strstr(json_text(j, NULL), "gr\364\217\277\274n"));
        yajl_tree_free(v);
        json_free(j);
    }
}

static char *to_json(const struct gconf *g)
{
    struct json *j = json_new();
    gconf_to_json(g, j, NULL);
    char *t = strdup(json_text(j, NULL));
    json_free(j);
    return t;
}

static void round_trip(void)
{
    static const char text[] =
        "name='web'\nkernel='/k'\nramdisk='/r'\nextra='a b'\nmemory=128\nmaxmem=256\nvcpus=2\n"
        "maxvcpus=4\ncpus=['0','1-2']\ncpus_soft='all'\ncpu_weight=300\ncap=50\ntsc_mode='native'\n"
        "uuid='39a24477-d377-4c5d-958a-f2c4932582e1'\nnomigrate=1\nevent_channels=200\n"
        "localtime=1\nrtc_timeoffset='-3600'\ncpuid='host,avx=0,nc=3,xsaveopt=1,arat=0'\n"
        "on_crash='coredump-restart'\non_reboot='destroy'\non_poweroff='preserve'\n"
        "disk=['/a,raw,xvda,w,discard','/b,raw,xvdb,r,direct-io-safe']\n"
        "vif=['bridge=b0,mac=00:16:3e:00:00:01,rate=1MB/s','ip=10.0.0.1,vifname=v,devid=7']\n";
    struct gconf a, b;
    struct why w;
    CHECK_EQ(cfg(&a, text, &w), 0);
    CHECK_EQ(gconf_complete(&a, true, &w), 0);
    char *one = to_json(&a);
    gconf_init(&b);
    if (!CHECK_EQ(gconf_from_json(&b, "j", one, &w), 0))
        printf("  %s\n", w.text);
    CHECK_EQ(gconf_complete(&b, true, &w), 0);
    char *two = to_json(&b);
    CHECK_STR(two, one);
    CHECK_EQ(b.nr_disks, 2);
    CHECK_EQ(b.rtc_offset, -3600);
    CHECK(b.localtime);
    CHECK_EQ(b.cpuid.nr, 4);
    CHECK_STR(b.cpuid.rule[1].bits[2], "xxxxxxxxxxxxxxxxxxxxxxxx00000011");
    CHECK_EQ(b.cpuid.rule[2].subleaf, 1);
    CHECK_EQ(b.nic[1].devid, 7);
    free(one);
    free(two);
    gconf_free(&a);
    gconf_free(&b);
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"c_info\":{\"type\":\"hvm\"},\"b_info\":{}}",
        "{\"c_info\":{\"name\":1},\"b_info\":{}}",
        "{\"c_info\":{},\"b_info\":{\"max_vcpus\":-1}}",
        "{\"c_info\":{},\"b_info\":{},\"disks\":[{\"vdev\":\"no\"}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gconf_init(&b);
        if (!CHECK(gconf_from_json(&b, "j", bad[i], &w) < 0))
            printf("  '%s'\n", bad[i]);
        gconf_free(&b);
    }
}

int main(void)
{
    test_json_bytes();
    grammar();
    cpu_sets();
    vdevs();
    disks();
    nics();
    keys();
    cpuids();
    round_trip();
    return check_result();
}
