#include "daemon/io/sessions/peer_access.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "daemon/os/accounts.hpp"

namespace rategate {
namespace {

template <class Id>
Result<std::vector<Id>> look_up(const std::string& names, Result<Id> (*id_of)(const std::string&),
                                const char* setting) {
  std::vector<Id> ids;
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) {
    const auto id = id_of(name);
    if (!id) return Error{id.error() + " (" + setting + ")"};
    ids.push_back(*id);
  }
  return ids;
}

template <class Id>
bool contains(const std::vector<Id>& ids, Id id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

Result<PeerAccess> PeerAccess::to_shm(const ServerConfig& config) {
  auto users = look_up(config.shm_users, user_id, "shm_users");
  if (!users) return Error{users.error()};
  auto groups = look_up(config.shm_groups, group_id, "shm_groups");
  if (!groups) return Error{groups.error()};
  PeerAccess access;
  access.users_ = std::move(*users);
  access.groups_ = std::move(*groups);
  return access;
}

Result<PeerAccess> PeerAccess::to_admin(const ServerConfig& config) {
  auto users = look_up(config.admin_users, user_id, "admin_users");
  if (!users) return Error{users.error()};
  auto groups = look_up(config.admin_groups, group_id, "admin_groups");
  if (!groups) return Error{groups.error()};
  PeerAccess access;
  access.users_ = std::move(*users);
  access.users_.push_back(0);
  access.users_.push_back(geteuid());
  access.groups_ = std::move(*groups);
  return access;
}

Result<PeerAccesses> PeerAccesses::of(const ServerConfig& config) {
  auto to_shm = PeerAccess::to_shm(config);
  if (!to_shm) return Error{to_shm.error()};
  auto to_admin = PeerAccess::to_admin(config);
  if (!to_admin) return Error{to_admin.error()};
  return PeerAccesses{std::move(*to_shm), std::move(*to_admin)};
}

bool PeerAccess::allows(int fd) const {
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
