/*
 * argon-consoled (with dkit_fake.c's world) is killed again and again while a guest floods its
 * console, its log is turned over and a client is attached: log and client have every byte once.
 *
 * usage: consoled_kill DAEMON FOLDER
 */
#include "unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/abi.h"
#include <xen/io/console.h>

#include "consoled/text.h"

enum { KILLS = 40, BYTES_MAX = 8 << 20 };

static const char *daemon_path, *world;
static struct xencons_interface *page;
static int bell;
static pid_t pid;
static char *said, *heard, *logged;
static size_t nsaid, nheard, nlogged;
static bool over;
static unsigned killed_itself;

static const char *in(const char *name)
{
    static _Thread_local char path[400];
    snprintf(path, sizeof path, "%s/%s", world, name);
    return path;
}

static void start(void)
{
    char log[400], run[400];
    snprintf(log, sizeof log, "%s", in("log"));
    snprintf(run, sizeof run, "%s", in("run"));
    pid = fork();
    if (pid)
        return;
    execl(daemon_path, daemon_path, "-F", "-P", "-s", "16", "-k", "99", "-d", log, "-r", run, NULL);
    _exit(127);
}

static void say(const char *text)
{
    for (; *text; text++) {
        for (int i = 0; __atomic_load_n(&page->out_prod, __ATOMIC_RELAXED) -
                            __atomic_load_n(&page->out_cons, __ATOMIC_ACQUIRE) >=
                        sizeof page->out;
             i++) {
            usleep(200);
            if (waitpid(pid, NULL, WNOHANG) == pid) {
                killed_itself++;
                start();
            }
            if (i > 300000) {
                printf("the daemon takes nothing any more\n");
                exit(1);
            }
        }
        page->out[page->out_prod % sizeof page->out] = *text;
        __atomic_store_n(&page->out_prod, page->out_prod + 1, __ATOMIC_RELEASE);
        said[nsaid++] = *text;
    }
    (void)!write(bell, "", 1); /* full: it is ringing anyhow */
}

/* A client as axl console is: attaches, and again where it was when the daemon is gone. */
static void *listen_to_it(void *unused)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    uint32_t pos = 0;
    bool known = false;
    char line[64];
    snprintf(a.sun_path, sizeof a.sun_path, "%s", in("run/argon-consoled.sock"));
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), n = 0;
        snprintf(line, sizeof line, known ? "attach 1 %u\n" : "attach 1 0\n", pos);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) ||
            send(fd, line, strlen(line), MSG_NOSIGNAL) < 0) {
            close(fd);
            usleep(1000);
            continue;
        }
        while (n < 60 && read(fd, line + n, 1) == 1 && line[n] != '\n')
            n++;
        line[n] = 0;
        ssize_t k;
        if (strncmp(line, "ok ", 3) == 0) {
            uint32_t at = (uint32_t)strtoul(line + 3, NULL, 10);
            CHECK_EQ(at, known ? pos : 0);
            pos = at;
            known = true;
            while ((k = read(fd, heard + nheard, 4096)) > 0) {
                nheard += (size_t)k;
                pos += (uint32_t)k;
            }
        }
        close(fd);
    }
    return unused;
}

static void read_logs(void)
{
    struct text_reader r;
    for (int k = 99; k >= 0; k--) {
        char name[64], buf[65536];
        ssize_t n;
        snprintf(name, sizeof name, k ? "log/guest-guest.log.%d" : "log/guest-guest.log", k);
        int fd = open(in(name), O_RDONLY);
        memset(&r, 0, sizeof r);
        while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0)
            for (ssize_t i = 0; i < n; i++)
                if (text_step(&r, buf[i]) == TEXT_BYTE)
                    logged[nlogged++] = buf[i];
        if (fd >= 0)
            close(fd);
    }
}

static void same(const char *what, const char *got, size_t n)
{
    size_t i = 0;
    while (i < n && i < nsaid && got[i] == said[i])
        i++;
    if (!CHECK(n == nsaid && i == nsaid))
        printf("%s: %zu bytes of %zu, different from byte %zu on\n", what, n, nsaid, i);
}

int main(int argc, char **argv)
{
    char text[400];
    pthread_t client;
    if (argc != 3)
        return 2;
    daemon_path = argv[1];
    world = argv[2];
    snprintf(text, sizeof text, "rm -rf '%.80s' && mkdir -p '%.80s/log' '%.80s/run'", world, world,
             world);
    if (system(text) || setenv("CONS_WORLD", world, 1) || mkfifo(in("bell"), 0600))
        return 2;
    close(open(in("alive"), O_CREAT | O_WRONLY, 0600));
    int fd = open(in("page"), O_CREAT | O_RDWR, 0600);
    bell = open(in("bell"), O_RDWR | O_NONBLOCK);
    if (ftruncate(fd, 4096))
        return 2;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    said = malloc(BYTES_MAX), heard = malloc(BYTES_MAX), logged = malloc(BYTES_MAX);
    srand(7);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* whoever is attached at its end is not freed */
    close(open(in("mortal"), O_CREAT | O_WRONLY, 0600));
    start();
    pthread_create(&client, NULL, listen_to_it, NULL);
    /* Killed after so many lines, not after so long: a slow machine kills as often. */
    for (int k = 0, line = 0; k < KILLS; k++) {
        for (int lines = rand() % 150; lines > 0; lines--) {
            snprintf(text, sizeof text, "line %d %.*s\r\n", ++line, rand() % 60,
                     "............................................................");
            say(text);
        }
        usleep((useconds_t)(rand() % 3000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        start();
    }
    /* A guest that ends while there is no daemon takes its page with it: wait until there is one.
     */
    unlink(in("mortal"));
    say("nearly\n");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    start();
    for (int i = 0; i < 600 && __atomic_load_n(&nheard, __ATOMIC_RELAXED) < nsaid; i++)
        usleep(100000);
    say("the end\n");
    /* The guest's end: the daemon has the last words, the client gets them. */
    unlink(in("alive"));
    (void)!write(bell, "", 1);
    for (int i = 0; i < 600 && __atomic_load_n(&nheard, __ATOMIC_RELAXED) < nsaid; i++)
        usleep(100000);
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    kill(pid, SIGTERM);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    pthread_join(client, NULL);
    read_logs();
    same("log", logged, nlogged);
    same("client", heard, nheard);
    /* Turned over at least once: how often depends on when the kills came. */
    CHECK(access(in("log/guest-guest.log.1"), F_OK) == 0);
    CHECK(killed_itself > 10);
    return check_result();
}
