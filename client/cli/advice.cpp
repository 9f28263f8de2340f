#include "client/cli/advice.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace rategate::cli {
namespace {

std::string name_of_group(gid_t gid) {
  const group* entry = getgrgid(gid);
  return entry != nullptr ? entry->gr_name : std::to_string(gid);
}

std::string name_of_user(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

// The first of the path's folders that this user may not pass, else the path itself.
std::string what_is_closed(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (eaccess(folder.c_str(), X_OK) != 0) return folder;
  }
  return path;
}

std::string who_may_use(const std::string& socket_path) {
  const std::string closed = what_is_closed(socket_path);
  struct stat status{};
  if (stat(closed.c_str(), &status) != 0) return {};
  const mode_t needed = S_ISDIR(status.st_mode) ? S_IXGRP : S_IWGRP;
  const std::string owner = name_of_user(status.st_uid);
  const std::string group = name_of_group(status.st_gid);
  const std::string me = name_of_user(geteuid());
  if ((status.st_mode & needed) == 0) {
    return closed + " is for its owner '" + owner +
           "' only. The daemon's settings socket_mode and socket_group open it to a group.\n";
  }
  return closed + " is for members of group '" + group + "', and '" + me +
         "' is not one. To become one, and log in again:\n  sudo usermod -aG " + group + " " + me +
         "\n";
}

std::string how_to_start(const std::string& socket_path) {
  return "Nothing listens there. To start the daemon:\n"
         "  sudo systemctl start rategated\n"
         "or one to try things out, without Redis:\n"
         "  rategated --socket " +
         socket_path +
         " --memory --limit api=100/second\n"
         "If it listens elsewhere, say where with --socket PATH or RATEGATE_SOCKET=PATH.\n";
}

}  // namespace

std::string advice(int code, const std::string& socket_path, const std::string& failure,
                   bool may_declare) {
  switch (code) {
    case ECONNREFUSED:
      return how_to_start(socket_path);
    case EACCES:
      return who_may_use(socket_path);
    case ENOENT:
      return !may_declare || failure.find("declared_limits is off") != std::string::npos
                 ? "'rategate limits' lists those that the daemon has.\n"
                 : "'rategate limits' lists those that the daemon has; --limit 100 --period 1s "
                   "declares one in the call.\n";
    case ETIMEDOUT:
    case EHOSTDOWN:
      return "The daemon listens but is stuck or overloaded: see its log (journalctl -u "
             "rategated).\n";
    case EAGAIN:
      return "The daemon cannot reach its Redis: 'rategate info store' and its log say more.\n";
    case EUSERS:
      return "The daemon's setting max_clients says how many may be connected.\n";
    case EPROTO:
      return "Is this the socket of another program?\n";
    default:
      return {};
  }
}

}  // namespace rategate::cli
