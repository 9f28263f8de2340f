#include "daemon/store/cluster/redirect.hpp"

#include <utility>

#include "daemon/base/duration.hpp"
#include "daemon/base/hash_slot.hpp"

namespace rategate {

std::optional<Redirect> parse_redirect(std::string_view error) {
  if (error.starts_with("TRYAGAIN")) return Redirect{Redirect::Kind::TryAgain, 0, {}};
  if (error.starts_with("CLUSTERDOWN Hash slot not served")) {
    return Redirect{Redirect::Kind::Nowhere, 0, {}};
  }
  const bool moved = error.starts_with("MOVED ");
  if (!moved && !error.starts_with("ASK ")) return std::nullopt;
  error.remove_prefix(error.find(' ') + 1);
  const std::size_t space = error.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto slot =
      parse_whole(error.substr(0, space), 0, static_cast<std::int64_t>(kHashSlots) - 1);
  // An IPv6 address stands there without brackets.
  const std::string_view target = error.substr(space + 1);
  const std::size_t colon = target.rfind(':');
  if (!slot || colon == std::string_view::npos) return std::nullopt;
  const std::string_view host = target.substr(0, colon);
  auto to = to_host_port(host.empty() || host == "?" ? "-" : host, target.substr(colon + 1));
  if (!to) return std::nullopt;
  if (to->host == "-") to->host.clear();
  return Redirect{moved ? Redirect::Kind::Moved : Redirect::Kind::Ask,
                  static_cast<std::uint16_t>(*slot), std::move(*to)};
}

bool leads_elsewhere(std::string_view error) {
  const auto redirect = parse_redirect(error);
  return redirect &&
         (redirect->kind == Redirect::Kind::Moved || redirect->kind == Redirect::Kind::Ask);
}

}  // namespace rategate
