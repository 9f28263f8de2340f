#include "daemon/os/accounts.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <system_error>
#include <vector>

namespace rategate {
namespace {

// A group with all its members, or a user with a long path, takes more than the usual page. What
// needs more than this is taken for a fault of the directory that answers.
constexpr std::size_t kMostMemory = std::size_t{16} << 20;

// Calls getpwnam_r or getgrnam_r with as much memory as it needs. nullopt: there is no such name.
template <class Entry, class Id, class LookUp>
Result<std::optional<Id>> find(const std::string& name, Id Entry::* id, LookUp look_up) {
  std::vector<char> memory(4096);
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    const int failure = look_up(name.c_str(), &entry, memory.data(), memory.size(), &found);
    if (found != nullptr) return std::optional(entry.*id);
    switch (failure) {
      case 0:
      case ENOENT:  // the manual allows these four for a name that is not there
      case ESRCH:
      case EBADF:
      case EPERM:
        return std::optional<Id>();
      case EINTR:
        break;
      case ERANGE:
        if (memory.size() < kMostMemory) {
          memory.resize(memory.size() * 2);
          break;
        }
        [[fallthrough]];
      default:
        return Error{std::generic_category().message(failure)};
    }
  }
}

template <class Id>
std::optional<Id> number_of(const std::string& text) {
  Id id = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id == std::numeric_limits<Id>::max() ? std::nullopt : std::optional(id);
}

template <class Entry, class Id, class LookUp>
Result<Id> id_of(const char* kind, const std::string& name, Id Entry::* id, LookUp look_up) {
  const auto found = find(name, id, look_up);
  const std::optional<Id> known = found ? *found : std::nullopt;
  if (known) return *known;
  // A number is good without the directory, which may be away.
  if (const auto number = number_of<Id>(name)) return *number;
  if (found) return Error{std::string("there is no ") + kind + " '" + name + "'"};
  return Error{std::string("the ") + kind + " '" + name +
               "' cannot be looked up: " + found.error()};
}

}  // namespace

Result<uid_t> user_id(const std::string& name) {
  return id_of("user", name, &passwd::pw_uid, &getpwnam_r);
}

Result<gid_t> group_id(const std::string& name) {
  return id_of("group", name, &group::gr_gid, &getgrnam_r);
}

}  // namespace rategate
