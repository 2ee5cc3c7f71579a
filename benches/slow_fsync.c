/* Adds 2 ms to each fsync and fdatasync of a program, as a networked disk does:
 *
 *     cc -shared -fPIC -o /tmp/slow_fsync.so benches/slow_fsync.c
 *     LD_PRELOAD=/tmp/slow_fsync.so scripts/postgres start DIR
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct timespec delay = {.tv_nsec = 2000000};

int fsync(int file) {
    nanosleep(&delay, NULL);
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    nanosleep(&delay, NULL);
    return (int)syscall(SYS_fdatasync, file);
}
