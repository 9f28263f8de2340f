#include "client/wire/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void rg_descriptor_set(struct rg_descriptor* descriptor, int fd) {
  struct stat file;
  const bool known = fd >= 0 && fstat(fd, &file) == 0;
  atomic_store_explicit(&descriptor->device, known ? file.st_dev : 0, memory_order_relaxed);
  atomic_store_explicit(&descriptor->inode, known ? file.st_ino : 0, memory_order_relaxed);
  /* Last, so that a fork in between leaves a child with a number only if it has its inode. */
  atomic_store_explicit(&descriptor->fd, fd, memory_order_release);
}

int rg_above_standard(int fd) {
  if (fd > STDERR_FILENO) return fd;
  const int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int rc = above >= 0 ? above : -errno;
  close(fd);
  return rc;
}

int rg_socket(int type) {
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  return fd >= 0 ? rg_above_standard(fd) : -errno;
}

int rg_descriptor_get(const struct rg_descriptor* descriptor) {
  const int fd = atomic_load_explicit(&descriptor->fd, memory_order_acquire);
  struct stat file;
  const bool same =
      fd >= 0 && fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode) &&
      file.st_dev == atomic_load_explicit(&descriptor->device, memory_order_relaxed) &&
      file.st_ino == atomic_load_explicit(&descriptor->inode, memory_order_relaxed);
  return same ? fd : -1;
}

void rg_descriptor_close(struct rg_descriptor* descriptor) {
  const int fd = rg_descriptor_get(descriptor);
  /* Forgotten before it is closed: a fork between the two must not leave the child with the number
   * of a descriptor that is somebody else's by then. */
  atomic_store_explicit(&descriptor->fd, -1, memory_order_relaxed);
  if (fd >= 0) close(fd);
}
