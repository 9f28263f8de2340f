// What a process has open, and children made by fork().
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fake {

inline std::set<int> descriptors() {
  std::set<int> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    if (fcntl(fd, F_GETFD) >= 0) open.insert(fd);
  }
  return open;
}

// Runs `act` in a child; its result, of 0 to 255, or -1 when the child ended in another way. The
// child starts no threads and leaves without destructors, as TSan and Catch want it.
template <class Act>
int in_child(Act act) {
  const pid_t child = fork();
  if (child == 0) _exit(act());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

// What a child has after it has closed every descriptor that it does not know, as one that becomes
// a daemon does: sockets of its own, which have the numbers that were the library's.
class OwnDescriptors {
 public:
  OwnDescriptors() {
    close_range(3, ~0U, 0);
    int ends[2];
    while (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ends[1] < 100) {
      inodes_.emplace_back(ends[0], inode(ends[0]));
      inodes_.emplace_back(ends[1], inode(ends[1]));
    }
  }
  // Whether all of them are open, and nobody has written to one.
  bool untouched() const {
    return std::all_of(inodes_.begin(), inodes_.end(), [](const std::pair<int, ino_t>& own) {
      char byte = 0;
      return inode(own.first) == own.second &&
             recv(own.first, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
    });
  }

 private:
  static ino_t inode(int fd) {
    struct stat file{};
    return fstat(fd, &file) == 0 ? file.st_ino : 0;
  }
  std::vector<std::pair<int, ino_t>> inodes_;
};

}  // namespace fake
