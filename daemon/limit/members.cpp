#include "daemon/limit/members.hpp"

namespace rategate {
namespace {

const Limit* add_member(const LimitUsePtr& limit, std::string_view given_key, std::int64_t cost,
                        std::size_t listed, Members& into) {
  IpText room;
  const auto key = counted_key(*limit->limit, given_key, room);
  if (!key) return limit->limit.get();
  into.push_back({limit, std::string(*key), cost, listed});
  return nullptr;
}

}  // namespace

const Limit* add_members(const LimitUsePtr& limit, std::string_view given_key, std::int64_t cost,
                         std::size_t listed, Members& into) {
  if (!limit->is_combined()) return add_member(limit, given_key, cost, listed, into);
  const Limit* wrong = nullptr;
  for (const LimitUsePtr& window : limit->windows) {
    if (wrong == nullptr) wrong = add_member(window, given_key, cost, listed, into);
  }
  if (wrong != nullptr || limit->parent == nullptr) return wrong;
  if (limit->limit->parent_key == ParentKey::None) given_key = {};
  return add_members(limit->parent, given_key, cost, listed, into);
}

}  // namespace rategate
