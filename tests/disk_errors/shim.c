/* Between a program and the C library: counts what it does to the files of one folder, and lets some of it fail.
 *
 * The plan lies in shared memory, in the file that DISK_PLAN names; the layout is that of injected.py. Nothing of a
 * call that fails is done, but of a write to a full disk perhaps a part: that is what disks do. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, SYNC = 4, NAME = 8, OPEN = 16, SIZE = 32 };

struct plan {
    char folder[256];
    _Atomic int64_t on;     /* else nothing is counted, and nothing fails */
    _Atomic int64_t kinds;  /* those that are counted and may fail */
    _Atomic int64_t seen;   /* so many until now */
    _Atomic int64_t from;   /* the first that fails, from 0 */
    _Atomic int64_t until;  /* the first that does not any more */
    _Atomic int64_t error;  /* errno */
    _Atomic int64_t failed; /* so many did */
    _Atomic int64_t torn;   /* the first write that fails is done by half: 1 */
    _Atomic int64_t sync_us; /* each sync takes so much longer */
};

#define FILES 4096
static struct plan *plan;
static _Atomic char ours[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_PLAN");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *found = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED)
        plan = found;
}

static int concerns(const char *path) {
    return plan && plan->on && path && plan->folder[0] && strncmp(path, plan->folder, strlen(plan->folder)) == 0;
}

static int is_ours(int fd) { return plan && plan->on && fd >= 0 && fd < FILES && ours[fd]; }

/* 1: it fails, and errno says how. */
static int fails(int kind) {
    if (!(plan->kinds & kind))
        return 0;
    int64_t at = plan->seen++;
    if (at < plan->from || at >= plan->until)
        return 0;
    plan->failed++;
    errno = (int)plan->error;
    return 1;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FILES)
        ours[fd] = plan && plan->folder[0] && path && strncmp(path, plan->folder, strlen(plan->folder)) == 0;
    return fd;
}

static int open_fails(const char *path, int flags) {
    if (!concerns(path))
        return 0;
    /* A full disk opens what is there; one that is read-only opens it for reading. */
    if (plan->error == ENOSPC && (!(flags & O_CREAT) || access(path, F_OK) == 0))
        return 0;
    if (plan->error == EROFS && (flags & O_ACCMODE) == O_RDONLY)
        return 0;
    return fails(OPEN);
}

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        REAL(name) \
        return open_fails(path, flags) ? -1 : opened(real(path, flags, mode), path); \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        REAL(name) \
        return open_fails(path, flags) ? -1 : opened(real(folder, path, flags, mode), path); \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

int close(int fd) {
    REAL(close)
    if (fd >= 0 && fd < FILES)
        ours[fd] = 0;
    return real(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write)
    if (is_ours(fd) && fails(WRITE))
        return -1;
    return real(fd, data, size);
}

#define WRITING_AT(name, offset) \
    ssize_t name(int fd, const void *data, size_t size, offset at) { \
        REAL(name) \
        if (is_ours(fd) && fails(WRITE)) { \
            int64_t once = 1; \
            if (size > 1 && atomic_compare_exchange_strong(&plan->torn, &once, 2)) \
                return real(fd, data, size / 2, at); \
            errno = (int)plan->error; \
            return -1; \
        } \
        return real(fd, data, size, at); \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

ssize_t read(int fd, void *data, size_t size) {
    REAL(read)
    return is_ours(fd) && fails(READ) ? -1 : real(fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t at) {
    REAL(pread)
    return is_ours(fd) && fails(READ) ? -1 : real(fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    REAL(pread64)
    return is_ours(fd) && fails(READ) ? -1 : real(fd, data, size, at);
}

static int sync_fails(int fd) {
    if (!is_ours(fd))
        return 0;
    if (plan->sync_us) {
        struct timespec wait = {plan->sync_us / 1000000, plan->sync_us % 1000000 * 1000};
        nanosleep(&wait, NULL);
    }
    return fails(SYNC);
}

int fsync(int fd) {
    REAL(fsync)
    return sync_fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync)
    return sync_fails(fd) ? -1 : real(fd);
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate)
    return is_ours(fd) && fails(SIZE) ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64)
    return is_ours(fd) && fails(SIZE) ? -1 : real(fd, size);
}

int unlink(const char *path) {
    REAL(unlink)
    return concerns(path) && fails(NAME) ? -1 : real(path);
}

int rename(const char *old, const char *new) {
    REAL(rename)
    return concerns(new) && fails(NAME) ? -1 : real(old, new);
}

int renameat(int old_folder, const char *old, int new_folder, const char *new) {
    REAL(renameat)
    return concerns(new) && fails(NAME) ? -1 : real(old_folder, old, new_folder, new);
}

int link(const char *old, const char *new) {
    REAL(link)
    return concerns(new) && fails(NAME) ? -1 : real(old, new);
}
