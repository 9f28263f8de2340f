#include "daemon/io/shm/shm_access.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

namespace rategate {
namespace {

std::optional<unsigned> number_of(const std::string& text) {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uid_t> user_id(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> memory{};
  if (getpwnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) == 0 &&
      found != nullptr) {
    return entry.pw_uid;
  }
  return number_of(name);
}

std::optional<gid_t> group_id(const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::array<char, 16384> memory{};
  if (getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) == 0 &&
      found != nullptr) {
    return entry.gr_gid;
  }
  return number_of(name);
}

template <class Id, class LookUp>
Result<std::vector<Id>> look_up(const std::string& names, LookUp look, const char* kind,
                                const char* setting) {
  std::vector<Id> ids;
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) {
    const auto id = look(name);
    if (!id) {
      return Error{std::string("there is no ") + kind + " '" + name + "' (" + setting + ")"};
    }
    ids.push_back(*id);
  }
  return ids;
}

template <class Id>
bool contains(const std::vector<Id>& ids, Id id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

Result<ShmAccess> ShmAccess::of(const ServerConfig& config) {
  auto users = look_up<uid_t>(config.shm_users, user_id, "user", "shm_users");
  if (!users) return Error{users.error()};
  auto groups = look_up<gid_t>(config.shm_groups, group_id, "group", "shm_groups");
  if (!groups) return Error{groups.error()};
  ShmAccess access;
  access.users_ = std::move(*users);
  access.groups_ = std::move(*groups);
  return access;
}

bool ShmAccess::allows(int fd) const {
  if (users_.empty() && groups_.empty()) return true;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (contains(users_, peer.uid) || contains(groups_, peer.gid)) return true;
  if (groups_.empty()) return false;
  std::vector<gid_t> supplementary(64);
  for (;;) {
    size = static_cast<socklen_t>(supplementary.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, supplementary.data(), &size) == 0) break;
    const std::size_t needed = size / sizeof(gid_t);
    if (errno != ERANGE || needed <= supplementary.size()) return false;
    supplementary.resize(needed);
  }
  supplementary.resize(size / sizeof(gid_t));
  return std::any_of(supplementary.begin(), supplementary.end(),
                     [this](gid_t id) { return contains(groups_, id); });
}

}  // namespace rategate
